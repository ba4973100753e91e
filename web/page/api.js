// The server's plain HTTP requests. Paths are relative to the page, so that it
// works behind a proxy that serves it under a prefix. All throw a Problem.
import { fromResponse, offline } from "./problem.js";

const patience = 8000; // ms for one answer

async function request(path, options = {}) {
  const late = AbortSignal.timeout(patience);
  const signal = options.signal ? AbortSignal.any([options.signal, late]) : late;
  let response;
  try {
    response = await fetch(path, { ...options, signal, cache: "no-store" });
  } catch (error) {
    throw options.signal?.aborted ? error : offline();
  }
  if (!response.ok) throw await fromResponse(response);
  return response;
}

// fetchAgents tells who can be called, agents: [{name, title, try, voice, default}],
// and over which STUN and TURN servers, ice_servers: [RTCIceServer].
export async function fetchAgents() {
  return (await request("v1/agents")).json();
}

// fetchToken gets a short-lived token for one conversation with agent.
export async function fetchToken(agent, signal) {
  const response = await request("v1/realtime/client_secrets", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ session: { type: "realtime", model: agent } }),
    signal,
  });
  return (await response.json()).value;
}

// reachable tells whether a server answers.
export async function reachable() {
  try {
    return (await fetch("readyz", { signal: AbortSignal.timeout(1000), cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

// offerCall trades an SDP offer for an answer and the call's id.
export async function offerCall(agent, token, sdp, signal) {
  const response = await request(`v1/realtime/calls?model=${encodeURIComponent(agent)}`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
    body: sdp,
    signal,
  });
  return { sdp: await response.text(), id: response.headers.get("Location")?.split("/").at(-1) };
}

// abandonCall ends a call that did not come about, so that it takes no line from
// anybody. If that fails, the server finds out by itself a little later.
export function abandonCall(id, token) {
  const headers = { Authorization: `Bearer ${token}` };
  request(`v1/realtime/calls/${id}/hangup`, { method: "POST", headers }).catch(() => {});
}

// whyRefused asks, as a plain request, what a WebSocket cannot tell: the reason for
// a refused handshake. It returns a Problem.
export async function whyRefused(agent, token, signal) {
  try {
    await request(socketPath(agent), { headers: { Authorization: `Bearer ${token}` }, signal });
  } catch (problem) {
    return problem.code === "invalid_request" ? offline() : problem;
  }
  return offline();
}

export function socketPath(agent) {
  return `v1/realtime?model=${encodeURIComponent(agent)}`;
}

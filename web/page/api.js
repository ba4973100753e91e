// The server's HTTP requests. Paths are relative to the page, so that it works behind a
// proxy that serves it under a prefix. All functions but isReachable throw a Problem.
import { fromResponse, offline } from "./problem.js";

const requestTimeout = 8000; // ms

async function request(path, options = {}) {
  const timeout = AbortSignal.timeout(requestTimeout);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  let response;
  try {
    response = await fetch(path, { ...options, signal, cache: "no-store" });
  } catch (error) {
    throw options.signal?.aborted ? error : offline();
  }
  if (!response.ok) throw await fromResponse(response);
  return response;
}

// fetchAgents returns {agents: [{name, title, language, try, voice, default}], ice_servers: [RTCIceServer]}.
export async function fetchAgents() {
  return (await request("v1/agents")).json();
}

// fetchToken returns a short-lived token for one conversation with agent.
export async function fetchToken(agent, signal) {
  const response = await request("v1/realtime/client_secrets", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ session: { type: "realtime", model: agent } }),
    signal,
  });
  return (await response.json()).value;
}

// isReachable reports whether a server answers that accepts calls.
export async function isReachable() {
  try {
    return (await fetch("readyz", { signal: AbortSignal.timeout(1000), cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

// createCall sends an SDP offer. It returns the SDP answer and the call's id.
export async function createCall(agent, token, sdp, signal) {
  const response = await request(`v1/realtime/calls?model=${encodeURIComponent(agent)}`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
    body: sdp,
    signal,
  });
  return { sdp: await response.text(), id: response.headers.get("Location")?.split("/").at(-1) };
}

// abandonCall ends a call that could not be connected, so that it occupies no line. If the
// request fails, the server ends the call after a timeout.
export function abandonCall(id, token) {
  const headers = { Authorization: `Bearer ${token}` };
  request(`v1/realtime/calls/${id}/hangup`, { method: "POST", headers }).catch(() => {});
}

// refusalReason returns, as a Problem, why the server refused a WebSocket handshake. It
// sends a plain request, because a WebSocket does not show the reason.
export async function refusalReason(agent, token, signal) {
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

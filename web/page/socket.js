// A line of text over WebSocket; see rtc.js for the shape of a line.
import { socketPath, whyRefused } from "./api.js";
import { offline } from "./problem.js";

const patience = 8000; // ms until it must be open

export async function openText({ agent, token, signal, onEvent, onLost }) {
  const address = new URL(socketPath(agent), document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  // A browser cannot set headers on a WebSocket, so the token travels as a subprotocol.
  const socket = new WebSocket(address, ["realtime", `openai-insecure-api-key.${token}`]);
  let over = false;
  socket.onmessage = ({ data }) => onEvent(JSON.parse(data));
  if (!(await opened(socket, signal))) {
    socket.onmessage = null;
    socket.close();
    signal.throwIfAborted();
    throw await whyRefused(agent, token, signal);
  }
  socket.onclose = () => {
    if (!over) onLost();
    over = true;
  };
  const send = (event) => {
    if (socket.readyState !== WebSocket.OPEN) throw offline();
    socket.send(JSON.stringify(event));
  };
  const close = () => {
    over = true;
    socket.close(1000);
  };
  send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
  return { voice: false, remote: null, send, close };
}

function opened(socket, signal) {
  return new Promise((resolve) => {
    const late = setTimeout(() => settle(false), patience);
    const settle = (ok) => {
      clearTimeout(late);
      signal.removeEventListener("abort", stopped);
      socket.onopen = socket.onclose = null;
      resolve(ok);
    };
    const stopped = () => settle(false);
    signal.addEventListener("abort", stopped);
    socket.onopen = () => settle(true);
    socket.onclose = () => settle(false);
  });
}

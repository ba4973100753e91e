// Lines over WebSocket: text alone, or sound as well where WebRTC cannot get
// through. See rtc.js for the shape of a line.
import { socketPath, whyRefused } from "./api.js";
import { offline } from "./problem.js";
import { SocketSound } from "./socketsound.js";

const patience = 8000; // ms until it must be open

export async function openText(options) {
  const socket = await openSocket(options, options.onEvent);
  socket.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
  return { ...socket, voice: false, remote: null };
}

export async function openSocketCall(options) {
  const sound = await SocketSound.open(options.microphone, options.onEvent);
  try {
    const onEvent = (event) => sound.take(event) || options.onEvent(event);
    const socket = await openSocket(options, onEvent, () => sound.close());
    sound.start(socket);
    return { ...socket, voice: true, remote: sound.remote };
  } catch (error) {
    sound.close();
    throw error;
  }
}

// openSocket gives a line's send and close, and waiting(): bytes not yet sent.
// onClosed is called however it ends.
async function openSocket({ agent, token, signal, onLost }, onEvent, onClosed = () => {}) {
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
    onClosed();
    if (!over) onLost();
    over = true;
  };
  const send = (event) => {
    if (socket.readyState !== WebSocket.OPEN) throw offline();
    socket.send(JSON.stringify(event));
  };
  const close = () => {
    over = true;
    onClosed();
    socket.close(1000);
  };
  return { send, close, waiting: () => socket.bufferedAmount };
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

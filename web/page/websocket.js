// Lines over WebSocket: with text only, or with audio where WebRTC is blocked. See
// webrtc.js for the shape of a line.
import { refusalReason, socketPath } from "./api.js";
import { offline } from "./problem.js";
import { SocketAudio } from "./socketaudio.js";

const connectTimeout = 8000; // ms

export async function openText(options) {
  const socket = await openSocket(options, options.onEvent);
  socket.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
  return { ...socket, hasVoice: false, remote: null };
}

export async function openSocketCall(options) {
  const audio = await SocketAudio.open(options.microphone, options.onEvent);
  try {
    const onEvent = (event) => audio.handle(event) || options.onEvent(event);
    const socket = await openSocket(options, onEvent, () => audio.close());
    audio.start(socket);
    return { ...socket, hasVoice: true, remote: audio.remote };
  } catch (error) {
    audio.close();
    throw error;
  }
}

// openSocket returns a line's send and close, and unsent(), which returns the number of
// bytes in the socket's queue. It calls onClosed when the socket is closed by either side.
async function openSocket({ agent, token, signal, onLost }, onEvent, onClosed = () => {}) {
  const address = new URL(socketPath(agent), document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  // A browser cannot set headers of a WebSocket, so the token is sent as a subprotocol.
  const socket = new WebSocket(address, ["realtime", `openai-insecure-api-key.${token}`]);
  let isClosed = false;
  socket.onmessage = ({ data }) => onEvent(JSON.parse(data));
  if (!(await isOpened(socket, signal))) {
    socket.onmessage = null;
    socket.close();
    signal.throwIfAborted();
    throw await refusalReason(agent, token, signal);
  }
  socket.onclose = () => {
    onClosed();
    if (!isClosed) onLost();
    isClosed = true;
  };
  const send = (event) => {
    if (socket.readyState !== WebSocket.OPEN) throw offline();
    socket.send(JSON.stringify(event));
  };
  const close = () => {
    isClosed = true;
    onClosed();
    socket.close(1000);
  };
  return { send, close, unsent: () => socket.bufferedAmount };
}

// isOpened waits until the socket has opened or failed, and reports whether it has opened.
function isOpened(socket, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), connectTimeout);
    const settle = (ok) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.onopen = socket.onclose = null;
      resolve(ok);
    };
    const onAbort = () => settle(false);
    signal.addEventListener("abort", onAbort);
    socket.onopen = () => settle(true);
    socket.onclose = () => settle(false);
  });
}

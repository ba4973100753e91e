// A line over WebRTC, with events on its data channel. Every kind of line has the same
// shape:
//   hasVoice   whether it carries audio
//   remote     MediaStream of the agent, null without audio
//   send(event), close()
// It calls onEvent(event), and onLost() once if it breaks.
import { abandonCall, createCall, isReachable } from "./api.js";
import { noAudio } from "./problem.js";

const connectTimeout = 8000; // ms
const reconnectTimeout = 4000; // ms for WebRTC itself to restore a disconnected line
const silenceTimeout = 1300; // ms without a packet; the agent sends one every 400 ms even when silent
const checkInterval = 200; // ms

export async function openCall({ agent, token, microphone, iceServers, signal, onEvent, onLost }) {
  if (!window.RTCPeerConnection) throw noAudio();
  const peer = new RTCPeerConnection({ iceServers });
  const channel = peer.createDataChannel("oai-events");
  const remote = new MediaStream();
  for (const track of microphone.getAudioTracks()) peer.addTrack(track, microphone);
  peer.ontrack = ({ track }) => remote.addTrack(track);
  channel.onmessage = ({ data }) => onEvent(JSON.parse(data));
  let call = {};
  try {
    await peer.setLocalDescription();
    call = await createCall(agent, token, peer.localDescription.sdp, signal);
    await peer.setRemoteDescription({ type: "answer", sdp: call.sdp });
    signal.throwIfAborted();
    if (channel.readyState !== "open") await waitUntilOpen(peer, channel, signal);
  } catch (error) {
    peer.close();
    if (call.id) abandonCall(call.id, token);
    throw error;
  }
  const close = watchForLoss(peer, channel, onLost);
  return { hasVoice: true, remote, send: (event) => channel.send(JSON.stringify(event)), close };
}

// waitUntilOpen waits for the data channel, which opens after ICE and DTLS.
function waitUntilOpen(peer, channel, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(reject, noAudio()), connectTimeout);
    const settle = (how, value) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      peer.onconnectionstatechange = channel.onopen = null;
      how(value);
    };
    const onAbort = () => settle(reject, signal.reason);
    signal.addEventListener("abort", onAbort);
    channel.onopen = () => settle(resolve);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed") settle(reject, noAudio());
    };
  });
}

// watchPackets calls onSilent if no audio arrives although a server is reachable: then the
// call's server has been replaced. The browser itself takes much longer to notice.
function watchPackets(peer, onSilent) {
  let packets = 0;
  let lastPacket = Date.now();
  let isAsking = false;
  return setInterval(async () => {
    const before = packets;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === "inbound-rtp") packets = report.packetsReceived;
    }
    if (packets !== before) lastPacket = Date.now();
    if (isAsking || packets < 5 || Date.now() - lastPacket < silenceTimeout) return;
    isAsking = true;
    if ((await isReachable()) && Date.now() - lastPacket >= silenceTimeout) onSilent();
    isAsking = false;
  }, checkInterval);
}

// watchForLoss calls onLost once when the connection is lost. It returns a function that
// closes the connection.
function watchForLoss(peer, channel, onLost) {
  let timer = 0;
  let isClosed = false;
  const packetTimer = watchPackets(peer, () => lose());
  const close = () => {
    isClosed = true;
    clearTimeout(timer);
    clearInterval(packetTimer);
    channel.close();
    peer.close();
  };
  const lose = () => {
    if (isClosed) return;
    close();
    onLost();
  };
  channel.onclose = lose;
  peer.onconnectionstatechange = () => {
    clearTimeout(timer);
    if (peer.connectionState === "failed") lose();
    if (peer.connectionState === "disconnected") timer = setTimeout(lose, reconnectTimeout);
  };
  return close;
}

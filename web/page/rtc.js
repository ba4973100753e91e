// A line of sound over WebRTC, with events on its data channel. Every line has
// the same shape, whatever carries it:
//   voice    whether it carries sound
//   remote   MediaStream of the agent, null without sound
//   send(event), close()
// and tells `onEvent(event)` and, once, `onLost()` when it breaks by itself.
import { abandonCall, offerCall, reachable } from "./api.js";
import { noSound } from "./problem.js";

const patience = 8000; // ms until sound must get through
const hiccup = 4000; // ms a broken connection may take to mend itself
const silence = 1300; // ms without a packet of an agent that sends one every 400 ms, even when quiet
const look = 200; // ms between looks at what has come

export async function openCall({ agent, token, microphone, iceServers, signal, onEvent, onLost }) {
  if (!window.RTCPeerConnection) throw noSound();
  const peer = new RTCPeerConnection({ iceServers });
  const channel = peer.createDataChannel("oai-events");
  const remote = new MediaStream();
  for (const track of microphone.getAudioTracks()) peer.addTrack(track, microphone);
  peer.ontrack = ({ track }) => remote.addTrack(track);
  channel.onmessage = ({ data }) => onEvent(JSON.parse(data));
  let call = {};
  try {
    await peer.setLocalDescription();
    call = await offerCall(agent, token, peer.localDescription.sdp, signal);
    await peer.setRemoteDescription({ type: "answer", sdp: call.sdp });
    signal.throwIfAborted();
    if (channel.readyState !== "open") await opened(peer, channel, signal);
  } catch (error) {
    peer.close();
    if (call.id) abandonCall(call.id, token);
    throw error;
  }
  const close = watch(peer, channel, onLost);
  return { voice: true, remote, send: (event) => channel.send(JSON.stringify(event)), close };
}

// opened waits until events can flow, which needs ICE and DTLS to have worked.
function opened(peer, channel, signal) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => settle(reject, noSound()), patience);
    const settle = (how, value) => {
      clearTimeout(late);
      signal.removeEventListener("abort", stopped);
      peer.onconnectionstatechange = channel.onopen = null;
      how(value);
    };
    const stopped = () => settle(reject, signal.reason);
    signal.addEventListener("abort", stopped);
    channel.onopen = () => settle(resolve);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed") settle(reject, noSound());
    };
  });
}

// listen calls onSilent when sound stops coming although the server can be reached: it is
// another one then, or a new one. A browser by itself takes much longer to notice.
function listen(peer, onSilent) {
  let packets = 0;
  let since = Date.now();
  let asking = false;
  return setInterval(async () => {
    const before = packets;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === "inbound-rtp") packets = report.packetsReceived;
    }
    if (packets !== before) since = Date.now();
    if (asking || packets < 5 || Date.now() - since < silence) return;
    asking = true;
    if ((await reachable()) && Date.now() - since >= silence) onSilent();
    asking = false;
  }, look);
}

// watch calls onLost once when the connection is gone for good; it returns close.
function watch(peer, channel, onLost) {
  let waiting = 0;
  let over = false;
  const listening = listen(peer, () => lost());
  const close = () => {
    over = true;
    clearTimeout(waiting);
    clearInterval(listening);
    channel.close();
    peer.close();
  };
  const lost = () => {
    if (over) return;
    close();
    onLost();
  };
  channel.onclose = lost;
  peer.onconnectionstatechange = () => {
    clearTimeout(waiting);
    if (peer.connectionState === "failed") lost();
    if (peer.connectionState === "disconnected") waiting = setTimeout(lost, hiccup);
  };
  return close;
}

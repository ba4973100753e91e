// The sound of a call as pcm16 at 24 kHz in events, both ways: the rung below
// WebRTC. The agent's sound comes out as a MediaStream, so that the page treats
// it like WebRTC's and the browser's echo canceller knows it.
import { noSound } from "./problem.js";

const rate = 24_000; // Hz
const maxWaiting = 128 * 1024; // bytes unsent, about two seconds: beyond it, old sound helps nobody

export class SocketSound {
  #context;
  #player;
  #recorder;

  // open throws a Problem where the browser cannot do it.
  static async open(microphone, onEvent) {
    const context = new AudioContext({ sampleRate: rate });
    try {
      await context.audioWorklet.addModule("page/soundworklet.js");
      return new SocketSound(context, microphone, onEvent);
    } catch {
      context.close();
      throw noSound();
    }
  }

  constructor(context, microphone, onEvent) {
    const speaker = context.createMediaStreamDestination();
    this.#context = context;
    this.#player = new AudioWorkletNode(context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#player.port.onmessage = ({ data }) => onEvent({ type: `output_audio_buffer.${data}` });
    this.#player.connect(speaker);
    this.#recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    context.createMediaStreamSource(microphone).connect(this.#recorder);
    this.remote = speaker.stream;
  }

  // start sends the caller's sound; waiting() tells how many bytes are still unsent.
  start({ send, waiting }) {
    this.#context.resume();
    this.#recorder.port.onmessage = ({ data }) => {
      if (waiting() < maxWaiting) send({ type: "input_audio_buffer.append", audio: toBase64(data) });
    };
  }

  // take plays what is sound and returns true, or returns false.
  take(event) {
    if (event.type === "response.output_audio.delta") {
      this.#player.port.postMessage(fromBase64(event.delta));
      return true;
    }
    if (event.type === "output_audio_buffer.cleared" || event.response?.status === "cancelled") {
      this.#player.port.postMessage(null);
    }
    return false;
  }

  close() {
    this.#recorder.port.onmessage = this.#player.port.onmessage = null;
    if (this.#context.state !== "closed") this.#context.close();
  }
}

// Samples travel as little-endian 16 bit, which is how every browser's machine keeps them.
function toBase64(samples) {
  return btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));
}

function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

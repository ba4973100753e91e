// The audio of a call over WebSocket: 16-bit PCM at 24 kHz in events. The agent's audio
// becomes a MediaStream, so that the page handles it as with WebRTC and the browser's echo
// canceller knows it.
import { noAudio } from "./problem.js";

const rate = 24_000; // Hz
const maxUnsent = 128 * 1024; // bytes, about two seconds; further audio is dropped as too late

export class SocketAudio {
  #context;
  #player;
  #recorder;

  // open throws a Problem if the browser does not support audio worklets.
  static async open(microphone, onEvent) {
    const context = new AudioContext({ sampleRate: rate });
    try {
      await context.audioWorklet.addModule("page/audioworklet.js");
      return new SocketAudio(context, microphone, onEvent);
    } catch {
      context.close();
      throw noAudio();
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

  // start sends the caller's audio over a socket; see openSocket in websocket.js.
  start({ send, unsent }) {
    this.#context.resume();
    this.#recorder.port.onmessage = ({ data }) => {
      if (unsent() < maxUnsent) send({ type: "input_audio_buffer.append", audio: toBase64(data) });
    };
  }

  // handle plays an audio event and returns true; it returns false for all other events.
  handle(event) {
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

// Samples are little-endian in events, as in the memory of every machine a browser runs on.
function toBase64(samples) {
  return btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));
}

function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

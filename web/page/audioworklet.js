// Runs on the browser's audio thread; see socketaudio.js. Lengths are in samples.

const packetLength = sampleRate * 0.04;
const maxQueue = sampleRate * 60; // further audio is dropped
const startDelay = sampleRate * 0.1; // of playback, to absorb network jitter
const endSilence = sampleRate * 0.3; // after which a reply counts as over

// Recorder posts the caller's audio as Int16Arrays of 40 ms.
class Recorder extends AudioWorkletProcessor {
  #samples = new Int16Array(packetLength);
  #length = 0;

  process([[input]]) {
    for (const s of input ?? []) {
      this.#samples[this.#length++] = Math.max(-1, Math.min(1, s)) * 0x7fff;
      if (this.#length === packetLength) {
        this.port.postMessage(this.#samples);
        this.#length = 0;
      }
    }
    return true;
  }
}

// Player plays the Int16Arrays it receives; null clears its queue. It posts "started" and
// "stopped" when playback starts and stops.
class Player extends AudioWorkletProcessor {
  #queue = [];
  #queued = 0;
  #position = 0; // in the first array of the queue
  #delay = startDelay; // until playback may start
  #silence = Infinity; // since audio was last played; Infinity while stopped

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === null) this.#clear();
      else if (this.#queued < maxQueue) {
        this.#queue.push(data);
        this.#queued += data.length;
      }
    };
  }

  process(_, [[output]]) {
    if (this.#queue.length) this.#delay -= output.length;
    else this.#delay = startDelay;
    if (this.#delay <= 0) this.#play(output);
    this.#report(output.length);
    return true;
  }

  #play(output) {
    for (let i = 0; i < output.length && this.#queue.length; i++) {
      output[i] = this.#queue[0][this.#position++] / 0x8000;
      this.#queued--;
      if (this.#position < this.#queue[0].length) continue;
      this.#queue.shift();
      this.#position = 0;
    }
  }

  #clear() {
    this.#queue = [];
    this.#queued = this.#position = 0;
    if (this.#silence < endSilence) this.#silence = endSilence;
  }

  #report(length) {
    if (this.#queue.length) {
      if (this.#silence === Infinity) this.port.postMessage("started");
      this.#silence = 0;
    } else if (this.#silence !== Infinity) {
      this.#silence += length;
      if (this.#silence < endSilence) return;
      this.port.postMessage("stopped");
      this.#silence = Infinity;
    }
  }
}

registerProcessor("recorder", Recorder);
registerProcessor("player", Player);

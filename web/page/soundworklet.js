// Runs on the browser's audio thread; see socketsound.js.

const chunk = sampleRate * 0.04; // samples sent at once
const maxQueue = sampleRate * 60; // samples: what comes beyond it is dropped
const cushion = sampleRate * 0.1; // samples waited for before sound begins, against a bumpy network
const pause = sampleRate * 0.3; // samples without sound after which a reply is over

// Recorder posts the caller's sound as Int16Array, 40 ms each.
class Recorder extends AudioWorkletProcessor {
  #samples = new Int16Array(chunk);
  #length = 0;

  process([[input]]) {
    for (const s of input ?? []) {
      this.#samples[this.#length++] = Math.max(-1, Math.min(1, s)) * 0x7fff;
      if (this.#length === chunk) {
        this.port.postMessage(this.#samples);
        this.#length = 0;
      }
    }
    return true;
  }
}

// Player takes Int16Array to play, or null to be silent at once. It posts
// "started" and "stopped" as sound begins and ends.
class Player extends AudioWorkletProcessor {
  #queue = [];
  #queued = 0; // samples
  #at = 0; // in the first of the queue
  #wait = cushion; // samples until what is queued may begin
  #silent = Infinity; // samples since the last sound

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
    if (this.#queue.length) this.#wait -= output.length;
    else this.#wait = cushion;
    if (this.#wait <= 0) this.#play(output);
    this.#tell(output.length);
    return true;
  }

  #play(output) {
    for (let i = 0; i < output.length && this.#queue.length; i++) {
      output[i] = this.#queue[0][this.#at++] / 0x8000;
      this.#queued--;
      if (this.#at < this.#queue[0].length) continue;
      this.#queue.shift();
      this.#at = 0;
    }
  }

  #clear() {
    this.#queue = [];
    this.#queued = this.#at = 0;
    if (this.#silent < pause) this.#silent = pause;
  }

  #tell(length) {
    if (this.#queue.length) {
      if (this.#silent === Infinity) this.port.postMessage("started");
      this.#silent = 0;
    } else if (this.#silent !== Infinity) {
      this.#silent += length;
      if (this.#silent < pause) return;
      this.port.postMessage("stopped");
      this.#silent = Infinity;
    }
  }
}

registerProcessor("recorder", Recorder);
registerProcessor("player", Player);

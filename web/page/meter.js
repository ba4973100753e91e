// Meter measures the level of an audio stream. It calls paint with a number from 0 to 1 for
// every frame of the screen.
const silent = -55; // dBFS shown as 0
const loud = -10; // dBFS shown as 1

export class Meter {
  #context = null;
  #source = null;
  #frame = 0;
  #level = 0;

  constructor(paint) {
    this.paint = paint;
  }

  // watch changes the stream; null stops. The first call must come from a click, or the
  // browser does not start the audio context.
  watch(stream) {
    cancelAnimationFrame(this.#frame);
    this.#source?.disconnect();
    this.#source = null;
    this.#level = 0;
    this.paint(0);
    if (!stream?.getAudioTracks().length) return;
    this.#context ??= new AudioContext();
    this.#context.resume();
    this.#source = this.#context.createMediaStreamSource(stream);
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const tick = () => {
      analyser.getFloatTimeDomainData(samples);
      this.#level = Math.max(levelOf(samples), this.#level * 0.88);
      this.paint(this.#level);
      this.#frame = requestAnimationFrame(tick);
    };
    tick();
  }
}

function levelOf(samples) {
  let sum = 0;
  for (const s of samples) sum += s * s;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-10);
  return Math.min(1, Math.max(0, (decibels - silent) / (loud - silent)));
}

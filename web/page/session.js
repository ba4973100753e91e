// The caller's session: one conversation with one agent, over one line after another. It
// opens lines, falls back from audio to text if audio is blocked, reconnects after a loss,
// and stores the token with which the session is resumed.
//
// It emits events: the server's as they are, and its own, whose types have no dot: asking,
// connecting, connected, reconnecting, typed, unsent, notice, expired, ended, failed.
import { fetchToken } from "./api.js";
import { closeMicrophone, openMicrophone } from "./microphone.js";
import { Problem, fromError, fromEvent } from "./problem.js";
import { t } from "./texts.js";
import { openCall } from "./webrtc.js";
import { openSocketCall, openText } from "./websocket.js";

const reconnectDelays = [100, 1000, 2000, 4000, 8000, 8000, 8000]; // ms before each attempt
const maxRetryAfter = 15_000; // ms; a longer Retry-After of the server is cut to it
const maxUnsent = 10; // texts

// Results after which the session reconnects by itself.
const resumableResults = new Set(["lost", "draining"]);

// Transports of a call, the best first, and the text that tells the caller when one fails.
const transports = [
  { open: openCall, fallbackNotice: "slowAudio" },
  { open: openSocketCall, fallbackNotice: "textInstead" },
];

// Results of a call that have a text for the caller.
const explainedResults = new Set(["done", "hung_up", "silent", "limited", "moved", "transferred"]);

export class Session {
  #agent;
  #emit;
  #onAudio;
  #iceServers;
  #attempt = new AbortController(); // aborts the current attempt and its line
  #isConnecting = false;
  #line = null;
  #microphone = null;
  #transport = 0; // index of the best transport that has not failed
  #isMuted = false;
  #resumeToken = "";
  #unsent = []; // texts typed while no line was open: {item, text}

  // emit receives every event. onAudio receives the MediaStreams (caller, agent), null
  // without a voice call.
  constructor(agent, { emit, onAudio, iceServers }) {
    this.#agent = agent;
    this.#emit = emit;
    this.#onAudio = onAudio;
    this.#iceServers = iceServers;
    try {
      this.#resumeToken = sessionStorage.getItem(`frontdesk.${agent}`) ?? "";
    } catch {
      this.#resumeToken = "";
    }
  }

  // call starts a voice call, which continues the conversation so far.
  async call() {
    const signal = this.#startAttempt();
    this.#transport = 0;
    this.#isConnecting = false; // typing while the browser asks continues by text
    this.#emit({ type: "asking" });
    try {
      const microphone = await openMicrophone();
      if (signal.aborted) return closeMicrophone(microphone);
      this.#isConnecting = true;
      this.#microphone = microphone;
      this.mute(this.#isMuted);
      for (const track of microphone.getAudioTracks()) track.onended = () => this.#handleLostMicrophone(track);
      await this.#open(true, signal);
    } catch (error) {
      this.#fail(error, signal);
    }
  }

  // type sends a text, over the current line or a new one.
  async type(text) {
    const item = `item_${crypto.getRandomValues(new Uint32Array(3)).join("")}`;
    this.#unsent.push({ item, text });
    this.#emit({ type: "typed", item, text });
    if (this.#unsent.length > maxUnsent) this.#reportUnsent(this.#unsent.shift());
    if (this.#line) return this.#flush();
    if (!this.#isConnecting) await this.resume();
  }

  // resume opens a text line to the stored session, or to a new one.
  async resume() {
    const signal = this.#startAttempt();
    try {
      await this.#open(false, signal);
    } catch (error) {
      this.#fail(error, signal);
    }
  }

  hangUp() {
    this.#finish("hung_up");
  }

  startOver() {
    this.leave();
    this.#token = "";
  }

  // leave closes the line. The conversation can be resumed.
  leave() {
    this.#startAttempt();
    this.#stopAudio();
    this.#unsent = [];
    this.#isConnecting = false;
  }

  mute(isMuted) {
    this.#isMuted = isMuted;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !isMuted;
  }

  get canResume() {
    return this.#token !== "";
  }

  // The token is kept in the tab's storage, so that a reloaded page resumes the session. If
  // the browser refuses storage, the token is lost with the page.
  set #token(value) {
    this.#resumeToken = value;
    try {
      sessionStorage.setItem(`frontdesk.${this.#agent}`, value);
    } catch {
      return;
    }
  }

  get #token() {
    return this.#resumeToken;
  }

  // startAttempt closes the current line or attempt. It returns the signal of a new attempt.
  #startAttempt() {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    this.#isConnecting = true;
    this.#line?.close();
    this.#line = null;
    return this.#attempt.signal;
  }

  async #open(wantsVoice, signal) {
    this.#emit({ type: "connecting", hasVoice: wantsVoice });
    const line = await this.#connectBest(wantsVoice, signal);
    if (signal.aborted) return line.close();
    this.#line = line;
    this.#isConnecting = false;
    if (!line.hasVoice) this.#stopAudio();
    else this.#onAudio(this.#microphone, line.remote);
    this.#emit({
      type: "connected",
      hasVoice: line.hasVoice,
      isAwaitingReply: this.#unsent.length > 0,
      at: Date.now(),
    });
    this.#flush();
  }

  // connectBest opens the best line that works: WebRTC, audio over WebSocket, or text.
  async #connectBest(wantsVoice, signal) {
    if (!wantsVoice) return this.#connect(openText, signal);
    for (const transport of transports.slice(this.#transport)) {
      try {
        return await this.#connect(transport.open, signal);
      } catch (error) {
        if (error.code !== "media" || signal.aborted) throw error;
        this.#transport = transports.indexOf(transport) + 1;
        this.#emit({ type: "notice", code: "sound_lost", message: t(transport.fallbackNotice) });
      }
    }
    return this.#connect(openText, signal);
  }

  async #connect(open, signal) {
    const resumeToken = this.#token;
    const token = resumeToken || (await fetchToken(this.#agent, signal));
    try {
      return await open({
        agent: this.#agent,
        token,
        microphone: this.#microphone,
        iceServers: this.#iceServers,
        signal,
        onEvent: (event) => signal.aborted || this.#handle(event),
        onLost: () => signal.aborted || this.#reconnect(),
      });
    } catch (error) {
      if (!resumeToken || !["unauthorized", "not_found"].includes(error.code)) throw error;
      this.#token = "";
      if (!this.#microphone && !this.#unsent.length) throw sessionExpired();
      this.#emit({ type: "expired" });
      return this.#connect(open, signal);
    }
  }

  // handle emits an event of the server and does what it requires.
  #handle(event) {
    if (event.type === "frontdesk.session") this.#token = event.resume_token;
    this.#emit(event);
    if (event.type !== "frontdesk.ended") return;
    if (event.result === "draining") this.#reconnect(true);
    if (resumableResults.has(event.result)) return;
    if (event.result === "failed") this.#fail(fromEvent({ code: "failed", message: event.reason }), this.#attempt.signal);
    else this.#finish(event.result, event.reason);
  }

  // reconnect resumes the session over a new line, with several attempts. If the server asked
  // for it, the first attempt is immediate and not shown to the caller.
  async #reconnect(isRequested = false) {
    if (!this.#line) return; // a line is being opened already
    const { hasVoice } = this.#line;
    const signal = this.#startAttempt();
    this.#onAudio(null, null);
    let retryAfter = 0;
    for (let attempt = 1; ; attempt++) {
      if (!isRequested || attempt > 1) {
        this.#emit({ type: "reconnecting", attempt });
        await pause(Math.max(reconnectDelays[attempt - 1], Math.min(retryAfter, maxRetryAfter)), signal);
      }
      if (signal.aborted) return;
      try {
        return await this.#open(hasVoice, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!error.retryable || attempt === reconnectDelays.length) return this.#fail(error, signal);
        retryAfter = error.retryAfter * 1000;
      }
    }
  }

  #flush() {
    while (this.#line && this.#unsent.length) {
      const { item, text } = this.#unsent[0];
      try {
        this.#line.send({
          type: "conversation.item.create",
          item: { id: item, type: "message", role: "user", content: [{ type: "input_text", text }] },
        });
        this.#line.send({ type: "response.create" });
      } catch {
        return; // the line is breaking: the text is sent after reconnecting
      }
      this.#unsent.shift();
    }
  }

  #finish(result, reason = "") {
    this.#startAttempt();
    this.#isConnecting = false;
    this.#stopAudio();
    if (result === "done") this.#token = "";
    this.#unsent.splice(0).forEach((unsent) => this.#reportUnsent(unsent));
    this.#emit({ type: "ended", result, reason: explainedResults.has(result) ? t(result) : reason, at: Date.now() });
  }

  #fail(error, signal) {
    if (signal.aborted) return;
    this.#startAttempt();
    this.#isConnecting = false;
    this.#stopAudio();
    this.#unsent.splice(0).forEach((unsent) => this.#reportUnsent(unsent));
    this.#emit({ type: "failed", problem: fromError(error), at: Date.now() });
  }

  #reportUnsent({ item, text }) {
    this.#emit({ type: "unsent", item, text });
  }

  #handleLostMicrophone(track) {
    if (!this.#microphone?.getTracks().includes(track)) return;
    this.#emit({
      type: "notice",
      code: "microphone_lost",
      message: t("microphoneLost"),
    });
  }

  #stopAudio() {
    closeMicrophone(this.#microphone);
    this.#microphone = null;
    this.#onAudio(null, null);
  }
}

const sessionExpired = () => new Problem("expired", t("expired"), t("expiredAdvice"));

// pause waits for ms, or until the device is online again or signal aborts.
function pause(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

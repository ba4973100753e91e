// The caller's session: one conversation with one agent that outlives its lines.
// It opens lines, steps down from sound to text when sound does not get through,
// comes back after a loss, and keeps the token that lets it do so.
//
// What happens is told as events: the server's as they are, and its own (no dot
// in the type): asking, connecting, connected, reconnecting, typed, unsent,
// notice, forgotten, ended, failed.
import { fetchToken } from "./api.js";
import { closeMicrophone, openMicrophone } from "./microphone.js";
import { Problem, fromError, fromEvent } from "./problem.js";
import { openCall } from "./rtc.js";
import { openSocketCall, openText } from "./socket.js";

const waits = [100, 1000, 2000, 4000, 8000, 8000, 8000]; // ms before each attempt to come back
const maxWait = 15_000; // ms: the longest a busy server is waited for before an attempt
const maxUnsent = 10;

// Endings after which the conversation goes on over a new line by itself.
const interrupted = new Set(["lost", "draining"]);

// Ways to carry a call, best first, and what to say when one does not work.
const rungs = [
  {
    open: openCall,
    below: "The direct way for sound is blocked in your network. The call takes another way and may lag a little.",
  },
  { open: openSocketCall, below: "The sound of the call cannot get through. Let us go on by text." },
];

const farewells = {
  done: "Thank you for calling.",
  hung_up: "You hung up.",
  silent: "Nobody spoke for a while.",
  limited: "The longest time for one call was reached. You can call again and go on.",
  moved: "It goes on in another tab or window.",
};

export class Session {
  #agent;
  #tell;
  #onSound;
  #iceServers;
  #work = new AbortController(); // what is being tried now
  #busy = false; // something is being tried
  #line = null;
  #microphone = null;
  #rung = 0; // the best way to carry a call that is not known to fail
  #muted = false;
  #resume = ""; // token to go on with
  #unsent = []; // typed while no line was open: {item, text}

  // tell takes every event; onSound takes (caller, agent) MediaStreams, null when silent.
  constructor(agent, { tell, onSound, iceServers }) {
    this.#agent = agent;
    this.#tell = tell;
    this.#onSound = onSound;
    this.#iceServers = iceServers;
    try {
      this.#resume = sessionStorage.getItem(`frontdesk.${agent}`) ?? "";
    } catch {
      this.#resume = "";
    }
  }

  // call begins a voice call; what was said before stays part of it.
  async call() {
    const signal = this.#begin();
    this.#rung = 0;
    this.#busy = false; // who types while the browser asks wants to go on by text
    this.#tell({ type: "asking" });
    try {
      const microphone = await openMicrophone();
      if (signal.aborted) return closeMicrophone(microphone);
      this.#busy = true;
      this.#microphone = microphone;
      this.mute(this.#muted);
      for (const track of microphone.getAudioTracks()) track.onended = () => this.#unplugged(track);
      await this.#open(true, signal);
    } catch (error) {
      this.#fail(error, signal);
    }
  }

  // type sends a text, over the call if there is one.
  async type(text) {
    const item = `item_${crypto.getRandomValues(new Uint32Array(3)).join("")}`;
    this.#unsent.push({ item, text });
    this.#tell({ type: "typed", item, text });
    if (this.#unsent.length > maxUnsent) this.#giveUp(this.#unsent.shift());
    if (this.#line) return this.#flush();
    if (!this.#busy) await this.goOn();
  }

  // goOn opens a line of text to the session kept from before, or to a new one.
  async goOn() {
    const signal = this.#begin();
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
    this.#begin();
    this.#silence();
    this.#unsent = [];
    this.#busy = false;
    this.#token = "";
  }

  mute(on) {
    this.#muted = on;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !on;
  }

  get canGoOn() {
    return this.#token !== "";
  }

  // The resume token lives as long as the tab, so that a reload goes on. A browser
  // that keeps nothing for pages loses it with the page.
  set #token(value) {
    this.#resume = value;
    try {
      sessionStorage.setItem(`frontdesk.${this.#agent}`, value);
    } catch {
      return;
    }
  }

  get #token() {
    return this.#resume;
  }

  // begin drops whatever line there is or is being tried, for something new.
  #begin() {
    this.#work.abort();
    this.#work = new AbortController();
    this.#busy = true;
    this.#line?.close();
    this.#line = null;
    return this.#work.signal;
  }

  async #open(voice, signal) {
    this.#tell({ type: "connecting", voice });
    const line = await this.#descend(voice, signal);
    if (signal.aborted) return line.close();
    this.#line = line;
    this.#busy = false;
    if (!line.voice) this.#silence();
    else this.#onSound(this.#microphone, line.remote);
    this.#tell({ type: "connected", voice: line.voice, awaiting: this.#unsent.length > 0, at: Date.now() });
    this.#flush();
  }

  // descend opens the best line that works: sound over WebRTC, over WebSocket, text.
  async #descend(voice, signal) {
    if (!voice) return this.#connect(openText, signal);
    for (const rung of rungs.slice(this.#rung)) {
      try {
        return await this.#connect(rung.open, signal);
      } catch (error) {
        if (error.code !== "media" || signal.aborted) throw error;
        this.#rung = rungs.indexOf(rung) + 1;
        this.#tell({ type: "notice", code: "sound_lost", message: rung.below });
      }
    }
    return this.#connect(openText, signal);
  }

  async #connect(open, signal) {
    const resumed = this.#token;
    const token = resumed || (await fetchToken(this.#agent, signal));
    try {
      return await open({
        agent: this.#agent,
        token,
        microphone: this.#microphone,
        iceServers: this.#iceServers,
        signal,
        onEvent: (event) => signal.aborted || this.#take(event),
        onLost: () => signal.aborted || this.#comeBack(),
      });
    } catch (error) {
      if (!resumed || !["unauthorized", "not_found"].includes(error.code)) throw error;
      this.#token = "";
      if (!this.#microphone && !this.#unsent.length) throw forgotten();
      this.#tell({ type: "forgotten" });
      return this.#connect(open, signal);
    }
  }

  // take looks at an event of the server before it is told.
  #take(event) {
    if (event.type === "frontdesk.session") this.#token = event.resume_token;
    this.#tell(event);
    if (event.type !== "frontdesk.ended") return;
    if (event.result === "draining") this.#comeBack(true);
    if (interrupted.has(event.result)) return;
    if (event.result === "failed") this.#fail(fromEvent({ code: "failed", message: event.reason }), this.#work.signal);
    else this.#finish(event.result, event.reason);
  }

  // comeBack tries for a while to go on with the session after a line was lost, or at
  // once when the server asked for it: then nobody need notice.
  async #comeBack(asked = false) {
    if (!this.#line) return; // it is being opened
    const voice = this.#line.voice;
    const signal = this.#begin();
    this.#onSound(null, null);
    let after = 0;
    for (let attempt = 1; ; attempt++) {
      if (!asked || attempt > 1) {
        this.#tell({ type: "reconnecting", attempt });
        await pause(Math.max(waits[attempt - 1], Math.min(after, maxWait)), signal);
      }
      if (signal.aborted) return;
      try {
        return await this.#open(voice, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!error.retryable || attempt === waits.length) return this.#fail(error, signal);
        after = error.after * 1000;
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
        return; // the line is breaking: it tells so itself, and this is sent after it
      }
      this.#unsent.shift();
    }
  }

  #finish(result, reason = "") {
    this.#begin();
    this.#busy = false;
    this.#silence();
    if (result === "done") this.#token = "";
    this.#unsent.splice(0).forEach((one) => this.#giveUp(one));
    this.#tell({ type: "ended", result, reason: farewells[result] ?? reason, at: Date.now() });
  }

  #fail(error, signal) {
    if (signal.aborted) return;
    this.#begin();
    this.#busy = false;
    this.#silence();
    this.#unsent.splice(0).forEach((one) => this.#giveUp(one));
    this.#tell({ type: "failed", problem: fromError(error), at: Date.now() });
  }

  #giveUp({ item, text }) {
    this.#tell({ type: "unsent", item, text });
  }

  #unplugged(track) {
    if (!this.#microphone?.getTracks().includes(track)) return;
    this.#tell({
      type: "notice",
      code: "microphone_lost",
      message: "Your microphone went away. You can type, or hang up and call again.",
    });
  }

  #silence() {
    closeMicrophone(this.#microphone);
    this.#microphone = null;
    this.#onSound(null, null);
  }
}

const forgotten = () =>
  new Problem("forgotten", "A fresh start", "The earlier conversation is over. Call or type to begin a new one.");

// pause waits ms, or until the device is online again if that comes first.
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

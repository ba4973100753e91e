// Puts the state of the call on the page and turns what people do into calls of
// the handlers it was given.
import { make } from "./log.js";
import { clock, describe, phaseOf } from "./state.js";

const $ = (id) => document.getElementById(id);
const busyPhases = new Set(["asking", "connecting", "listening", "thinking", "speaking", "reconnecting"]);

export class View {
  #agent = { title: "Frontdesk", voice: true, try: [] };
  #said = ""; // the last phase announced
  #state = null;

  constructor(handlers) {
    $("call").onclick = handlers.call;
    $("hangup").onclick = handlers.hangUp;
    $("mute").onclick = handlers.mute;
    $("again").onclick = handlers.startOver;
    $("dismiss").onclick = () => this.hideProblem();
    $("composer").onsubmit = (event) => {
      event.preventDefault();
      const text = $("say").value.trim();
      if (!text) return;
      $("say").value = "";
      handlers.type(text);
    };
    addEventListener("keydown", (event) => {
      if (event.altKey && event.code === "KeyM" && document.body.classList.contains("calling")) {
        event.preventDefault();
        handlers.mute();
      }
    });
    $("tries").onclick = ({ target }) => {
      if (target.closest("button")) handlers.type(target.closest("button").textContent);
    };
    setInterval(() => this.#tick(), 500);
  }

  // introduce shows who answers here: an agent as the server lists it.
  introduce(agent) {
    this.#agent = { ...agent, title: agent.title || agent.name };
    $("title").textContent = $("agent-meter").textContent = this.#agent.title;
    document.body.classList.toggle("voiceless", !agent.voice);
    $("tries").replaceChildren(
      ...agent.try.map((text) => {
        const item = make("li");
        item.append(make("button", "chip", text));
        item.firstChild.type = "button";
        return item;
      }),
    );
  }

  show(state, entries) {
    const phase = phaseOf(state);
    const calling = state.voice && busyPhases.has(phase);
    const [word, detail] = describe(state, this.#agent);
    this.#state = state;
    document.body.dataset.phase = phase;
    document.body.classList.toggle("talked", entries.length > 0);
    document.body.classList.toggle("muted", state.muted && calling);
    document.title = phase === "idle" ? this.#agent.title : `${word} · ${this.#agent.title}`;
    $("word").textContent = word;
    $("detail").textContent = detail;
    $("mute").setAttribute("aria-pressed", String(state.muted));
    $("again").hidden = entries.length === 0;
    $("tries-box").hidden = this.#agent.try.length === 0 || entries.some((e) => e.who === "caller");
    $("call-word").textContent = phase === "ended" ? "Call again" : "Call";
    this.#swap(calling);
    this.#announcePhase(word, detail, phase);
    this.#tick();
  }

  // swap changes between the call button and the call's controls; the keyboard
  // stays with them, on mute rather than hang up so that a second press harms nothing.
  #swap(calling) {
    if (document.body.classList.contains("calling") === calling) return;
    const here = document.activeElement;
    const moves = here === $("call") || $("controls").contains(here);
    document.body.classList.toggle("calling", calling);
    if (moves) $(calling ? "mute" : "call").focus();
  }

  #announcePhase(word, detail, phase) {
    if (word === this.#said) return;
    const first = this.#said === "";
    this.#said = word;
    if (first || phase === "idle" || phase === "texting") return;
    this.announce(["listening", "speaking", "thinking", "writing"].includes(phase) ? word : `${word}. ${detail}`);
  }

  // announce tells screen readers, when they are next idle.
  announce(text) {
    $("announcer").textContent = text;
  }

  showProblem({ title, message }) {
    $("problem-title").textContent = title;
    $("problem-text").textContent = message;
    $("problem").hidden = false;
    document.body.classList.add("troubled");
  }

  hideProblem() {
    $("problem").hidden = true;
    document.body.classList.remove("troubled");
  }

  // giveBack returns a text that was not sent to the box; false if something new is there.
  giveBack(text) {
    if ($("say").value) return false;
    $("say").value = text;
    return true;
  }

  #tick() {
    const since = this.#state?.since;
    $("elapsed").textContent = since ? clock(Date.now() - since) : "";
  }
}

// levels paints a loudness where the style sheet reads it.
export const levels = {
  caller: (level) => document.body.style.setProperty("--caller", level.toFixed(3)),
  agent: (level) => document.body.style.setProperty("--agent", level.toFixed(3)),
};

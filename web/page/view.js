// View shows the state of the call and calls the given handlers for what the caller does.
import { optionNames } from "./agents.js";
import { make } from "./log.js";
import { clock, describe, phaseOf } from "./state.js";
import { language, t, translate, useLanguage } from "./texts.js";

const $ = (id) => document.getElementById(id);
const callPhases = new Set(["asking", "connecting", "listening", "thinking", "speaking", "reconnecting"]);

export class View {
  #agent = { title: "Frontdesk", language: "en", voice: true, try: [] };
  #announced = ""; // the last phase announced, as its title
  #state = null;

  constructor(handlers) {
    $("call").onclick = handlers.call;
    $("hangup").onclick = handlers.hangUp;
    $("mute").onclick = handlers.mute;
    $("again").onclick = handlers.startOver;
    $("agent").onchange = ({ target }) => handlers.chooseAgent(target.value);
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
    $("suggestions").onclick = ({ target }) => {
      if (target.closest("button")) handlers.type(target.closest("button").textContent);
    };
    setInterval(() => this.#updateElapsed(), 500);
  }

  // showAgents lets the caller choose among the server's agents, if there are several.
  showAgents(agents) {
    const names = optionNames(agents);
    $("agent").replaceChildren(
      ...agents.map((agent, i) => {
        const option = make("option", "", names[i]);
        option.value = agent.name;
        option.lang = agent.language;
        return option;
      }),
    );
    $("agents").hidden = agents.length < 2;
    if (new Set(agents.map((a) => a.title || a.name)).size === 1) $("agents-label").dataset.t = "language";
  }

  // showAgent shows who answers, an agent of the server's list, in that agent's language.
  showAgent(agent) {
    this.#agent = { ...agent, title: agent.title || agent.name };
    this.#announced = "";
    useLanguage(agent.language);
    document.documentElement.lang = language();
    translate(document);
    $("title").textContent = $("agent-meter").textContent = this.#agent.title;
    $("agent").value = agent.name;
    document.body.classList.toggle("no-voice", !agent.voice);
    $("suggestions").lang = agent.language;
    $("suggestions").replaceChildren(
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
    const isCalling = state.hasVoice && callPhases.has(phase);
    const [word, detail] = describe(state, this.#agent);
    this.#state = state;
    document.body.dataset.phase = phase;
    document.body.classList.toggle("has-entries", entries.length > 0);
    document.body.classList.toggle("muted", state.isMuted && isCalling);
    document.title = phase === "idle" ? this.#agent.title : `${word} · ${this.#agent.title}`;
    $("word").textContent = word;
    $("detail").textContent = detail;
    $("mute").setAttribute("aria-pressed", String(state.isMuted));
    $("again").hidden = entries.length === 0;
    $("suggestions-box").hidden = this.#agent.try.length === 0 || entries.some((e) => e.who === "caller");
    $("call-word").textContent = t(phase === "ended" ? "callAgain" : "call");
    $("agent").disabled = isCalling; // the call is with one agent
    this.#showControls(isCalling);
    this.#announcePhase(word, detail, phase);
    this.#updateElapsed();
  }

  // showControls switches between the call button and the call's controls. If one of them has
  // the keyboard focus, it moves to the others: to mute, where a double press does no harm.
  #showControls(isCalling) {
    if (document.body.classList.contains("calling") === isCalling) return;
    const focused = document.activeElement;
    const movesFocus = focused === $("call") || $("controls").contains(focused);
    document.body.classList.toggle("calling", isCalling);
    if (movesFocus) $(isCalling ? "mute" : "call").focus();
  }

  #announcePhase(word, detail, phase) {
    if (word === this.#announced) return;
    const isFirst = this.#announced === "";
    this.#announced = word;
    if (isFirst || phase === "idle" || phase === "texting") return;
    this.announce(["listening", "speaking", "thinking", "writing"].includes(phase) ? word : `${word}. ${detail}`);
  }

  // announce makes screen readers speak a text when they are idle.
  announce(text) {
    $("announcer").textContent = text;
  }

  showProblem({ title, message }) {
    $("problem-title").textContent = title;
    $("problem-text").textContent = message;
    $("problem").hidden = false;
    document.body.classList.add("has-problem");
  }

  hideProblem() {
    $("problem").hidden = true;
    document.body.classList.remove("has-problem");
  }

  // restoreText puts an unsent text back into the text box, unless it holds a new one. It
  // reports whether it did.
  restoreText(text) {
    if ($("say").value) return false;
    $("say").value = text;
    return true;
  }

  #updateElapsed() {
    const connectedAt = this.#state?.connectedAt;
    $("elapsed").textContent = connectedAt ? clock(Date.now() - connectedAt) : "";
  }
}

// levels sets the audio levels for the style sheet.
export const levels = {
  caller: (level) => document.body.style.setProperty("--caller", level.toFixed(3)),
  agent: (level) => document.body.style.setProperty("--agent", level.toFixed(3)),
};

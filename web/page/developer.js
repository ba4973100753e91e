// DeveloperView shows how long the stages of each turn took, and the last events.
import { make } from "./log.js";

const maxEvents = 200;
const maxTurns = 50;

// Stages of a turn in order, each timed from the previous one that happened.
const stages = ["endpoint", "transcript", "first_token", "first_clause", "first_audio"];

export class DeveloperView {
  #turns;
  #events;
  #began = performance.now();

  constructor(turns, events) {
    this.#turns = turns;
    this.#events = events;
  }

  apply(event) {
    if (event.type === "frontdesk.turn") this.#addTurn(event.turn ?? event);
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(3).padStart(8);
    const { type, event_id: _, resume_token: __, ...rest } = event; // the token is a secret
    const detail = JSON.stringify(rest);
    const line = make("li");
    line.append(
      make("time", "", seconds),
      " ",
      make("b", "", type),
      " ",
      detail.length > 240 ? `${detail.slice(0, 240)}…` : detail,
    );
    this.#events.append(line);
    if (this.#events.childElementCount > maxEvents) this.#events.firstChild.remove();
    if (this.#events.clientHeight) this.#events.scrollTop = this.#events.scrollHeight;
  }

  clear() {
    this.#turns.replaceChildren();
    this.#events.replaceChildren();
  }

  #addTurn(turn) {
    const steps = latencies(turn.times ?? {});
    const row = make("tr");
    row.append(make("th", "", String(turn.turn)));
    row.firstChild.scope = "row";
    for (const name of stages) row.append(make("td", "", name in steps ? String(steps[name]) : "–"));
    row.append(make("td", "total", "total" in steps ? String(steps.total) : "–"));
    row.append(make("td", "why", turn.why || "–"));
    this.#turns.append(row);
    if (this.#turns.childElementCount > maxTurns) this.#turns.firstChild.remove();
  }
}

// latencies returns the milliseconds of each stage, and the total from the end of speech to
// the first audio.
export function latencies(times) {
  const at = (name) => (times[name] ? Date.parse(times[name]) : NaN);
  const steps = {};
  let before = at("speech_end");
  for (const name of stages) {
    const now = at(name);
    if (Number.isNaN(now)) continue;
    if (!Number.isNaN(before)) steps[name] = Math.round(now - before);
    before = now;
  }
  const total = at("first_audio") - at("speech_end");
  if (!Number.isNaN(total)) steps.total = Math.round(total);
  return steps;
}

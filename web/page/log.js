// Log shows the entries of a Transcript and updates only what has changed.
import { t } from "./texts.js";

export class Log {
  #list;
  #agent = { title: "", language: "" };
  #rows = new Map(); // by entry id: {element, words, notes, mark}

  constructor(list) {
    this.#list = list;
  }

  // agent is one of the server's list. Its language is that of what both say.
  set agent(agent) {
    this.#agent = agent;
  }

  draw(entries) {
    const isAtEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 80;
    const before = this.#rows.size;
    const removed = new Set(this.#rows.keys());
    for (const entry of entries) {
      removed.delete(entry.id);
      this.#drawEntry(entry);
    }
    for (const id of removed) {
      this.#rows.get(id).element.remove();
      this.#rows.delete(id);
    }
    const callerAdded = this.#rows.size > before && entries.at(-1).who === "caller";
    if (isAtEnd || callerAdded) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #drawEntry(entry) {
    let row = this.#rows.get(entry.id);
    if (!row) {
      row = this.#newRow(entry);
      this.#rows.set(entry.id, row);
      this.#list.append(row.element);
    }
    const isWaiting = entry.isLive && !entry.text;
    row.element.classList.toggle("live", entry.isLive);
    row.element.classList.toggle("waiting", isWaiting);
    if (row.words.textContent !== entry.text) row.words.textContent = entry.text;
    const mark = entry.isUnsent ? t("unsent") : entry.isInterrupted ? t("interrupted") : "";
    if (row.mark.textContent !== mark) row.mark.textContent = mark;
    row.mark.classList.toggle("warning", Boolean(entry.isUnsent));
    while (row.notes.childElementCount < entry.notes.length) {
      row.notes.append(card(entry.notes[row.notes.childElementCount], this.#agent.language));
    }
  }

  #newRow(entry) {
    const element = make("li", `entry ${entry.who}`);
    const speaker = { caller: t("you"), agent: this.#agent.title, notice: t("note") }[entry.who];
    const head = make("p", "speaker", speaker);
    const mark = make("span", "mark");
    head.append(" ", mark);
    const words = make("p", "words");
    if (entry.who !== "notice") words.lang = this.#agent.language;
    const notes = make("div", "notes");
    element.append(head, words, notes);
    return { element, words, notes, mark };
  }
}

// card returns the element of a note: a source as a line that expands, others as a card.
function card(note, language) {
  if (note.kind === "source") return source(note, language);
  const box = make("div", `card ${note.kind}`);
  const stub = make("p", "stub");
  stub.append(make("span", "kind", t(note.kind)), make("span", "id", note.id));
  const body = make("div", "body");
  body.lang = language;
  if (note.title) body.append(make("p", "title", note.title));
  if (note.text) body.append(make("p", "text", note.text));
  box.append(stub, body);
  return box;
}

function source(note, language) {
  const box = make(note.text ? "details" : "p", "source");
  const line = note.text ? make("summary") : box;
  const title = make("span", "title", note.title || note.id);
  title.lang = language;
  line.append(make("span", "kind", t("source")), " ", title);
  if (!note.text) return box;
  const text = make("p", "text", note.text);
  text.lang = language;
  box.append(line, text);
  return box;
}

// make returns a new element.
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

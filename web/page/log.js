// Log shows the entries of a Transcript and updates only what has changed.

const labels = { ticket: "Ticket", source: "From our pages", handover: "A person will help" };

export class Log {
  #list;
  #agent = "";
  #rows = new Map(); // by entry id: {element, words, notes, mark}

  constructor(list) {
    this.#list = list;
  }

  set agent(name) {
    this.#agent = name;
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
    const mark = entry.isUnsent ? "Not sent" : entry.isInterrupted ? "Interrupted" : "";
    if (row.mark.textContent !== mark) row.mark.textContent = mark;
    row.mark.classList.toggle("warning", Boolean(entry.isUnsent));
    while (row.notes.childElementCount < entry.notes.length) {
      row.notes.append(card(entry.notes[row.notes.childElementCount]));
    }
  }

  #newRow(entry) {
    const element = make("li", `entry ${entry.who}`);
    const speaker = { caller: "You", agent: this.#agent, notice: "Note" }[entry.who];
    const head = make("p", "speaker", speaker);
    const mark = make("span", "mark");
    head.append(" ", mark);
    const words = make("p", "words");
    const notes = make("div", "notes");
    element.append(head, words, notes);
    return { element, words, notes, mark };
  }
}

// card returns the element of a note: a source as a line that expands, others as a card.
function card(note) {
  if (note.kind === "source") return source(note);
  const box = make("div", `card ${note.kind}`);
  const stub = make("p", "stub");
  stub.append(make("span", "kind", labels[note.kind]), make("span", "id", note.id));
  const body = make("div", "body");
  if (note.title) body.append(make("p", "title", note.title));
  if (note.text) body.append(make("p", "text", note.text));
  box.append(stub, body);
  return box;
}

function source(note) {
  const name = note.title || note.id;
  if (!note.text) {
    const line = make("p", "source");
    line.append(make("span", "kind", labels.source), " ", make("span", "title", name));
    return line;
  }
  const box = make("details", "source");
  const summary = make("summary");
  summary.append(make("span", "kind", labels.source), " ", make("span", "title", name));
  box.append(summary, make("p", "text", note.text));
  return box;
}

// make returns a new element.
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// Draws a Transcript, touching only what changed.

const labels = { ticket: "Ticket", source: "From our pages", handover: "A person will help" };

export class Log {
  #list;
  #agent = "";
  #drawn = new Map(); // entry id → {element, text, notes, state}

  constructor(list) {
    this.#list = list;
  }

  set agent(name) {
    this.#agent = name;
  }

  draw(entries) {
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 80;
    const before = this.#drawn.size;
    const gone = new Set(this.#drawn.keys());
    for (const entry of entries) {
      gone.delete(entry.id);
      this.#drawEntry(entry);
    }
    for (const id of gone) {
      this.#drawn.get(id).element.remove();
      this.#drawn.delete(id);
    }
    const spoke = this.#drawn.size > before && entries.at(-1).who === "caller";
    if (atEnd || spoke) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #drawEntry(entry) {
    let row = this.#drawn.get(entry.id);
    if (!row) {
      row = this.#newRow(entry);
      this.#drawn.set(entry.id, row);
      this.#list.append(row.element);
    }
    const waiting = entry.live && !entry.text;
    row.element.classList.toggle("live", entry.live);
    row.element.classList.toggle("waiting", waiting);
    if (row.words.textContent !== entry.text) row.words.textContent = entry.text;
    const mark = entry.unsent ? "Not sent" : entry.interrupted ? "Interrupted" : "";
    if (row.mark.textContent !== mark) row.mark.textContent = mark;
    row.mark.classList.toggle("warning", Boolean(entry.unsent));
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

// card shows a note: a ticket as a stub, a source as a line that opens.
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

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

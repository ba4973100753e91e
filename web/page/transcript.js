// The conversation as a list of entries, made from events. It knows nothing of
// the page; `apply` returns whether an event changed anything.
//
// An entry is {id, who: "caller" | "agent" | "notice", item, text, live, notes},
// and where it applies: unsent, interrupted.

const known = new Set(["ticket", "source", "handover"]);

export class Transcript {
  entries = [];
  #spare = []; // notes that came before the reply they belong to

  apply(event) {
    const rule = this.#rules[event.type];
    if (!rule) return false;
    return rule(event) !== false;
  }

  // drop takes back what was typed.
  drop(item) {
    this.#remove(this.#byItem(item));
  }

  clear() {
    this.entries = [];
    this.#spare = [];
  }

  #rules = {
    __proto__: null,
    typed: (e) => this.#push({ id: e.item, item: e.item, who: "caller", text: e.text }),
    unsent: (e) => this.#change(this.#byItem(e.item), { unsent: true }),
    notice: (e) => this.#notice(e.message),
    forgotten: () => this.#notice("The earlier conversation is no longer available. This is a new one."),
    reconnecting: () => this.#settle(),
    connected: () => this.#settle(),
    ended: () => this.#settle(),
    failed: () => this.#settle(),

    "input_audio_buffer.speech_started": (e) => this.#caller(e.item_id, { live: true }),
    "frontdesk.transcript": (e) => this.#caller(e.item_id, { text: e.text, live: true }),
    "conversation.item.input_audio_transcription.completed": (e) => this.#heard(e.item_id, e.transcript.trim()),
    "conversation.item.added": (e) => this.#added(e.item),

    "response.created": (e) => void this.#reply(e.response.id),
    "response.output_audio_transcript.delta": (e) => this.#said(e, (entry) => entry.text + e.delta),
    "response.output_audio_transcript.done": (e) => this.#said(e, () => e.transcript),
    "response.output_text.delta": (e) => this.#said(e, (entry) => entry.text + e.delta),
    "response.output_text.done": (e) => this.#said(e, () => e.text),
    "response.done": (e) => this.#replied(e.response),

    "frontdesk.ended": (e) => e.result === "draining" && this.#moved(),
    "frontdesk.tool": (e) => this.#tool(e.response_id, e.notes ?? []),
    "frontdesk.notice": (e) => this.#notice(e.message),
  };

  #push(entry) {
    this.entries.push({ notes: [], live: false, item: "", text: "", ...entry });
    return this.entries.at(-1);
  }

  #change(entry, change) {
    if (!entry) return false;
    Object.assign(entry, change);
    return true;
  }

  #byItem(item) {
    return item ? this.entries.find((e) => e.item === item) : undefined;
  }

  #remove(entry) {
    this.entries = this.entries.filter((e) => e !== entry);
  }

  #notice(text) {
    return this.#push({ id: `notice-${this.entries.length}`, who: "notice", text });
  }

  // settle ends what a lost line left unfinished.
  #settle() {
    this.entries = this.entries.filter((e) => !e.live || e.text || e.notes.length);
    for (const e of this.entries) e.live = false;
  }

  #caller(item, change) {
    const entry = this.#byItem(item) ?? this.#push({ id: item, item, who: "caller" });
    Object.assign(entry, change);
  }

  // heard sets the final words; a sound that held none leaves no trace.
  #heard(item, text) {
    if (text) return this.#caller(item, { text, live: false });
    const entry = this.#byItem(item);
    if (!entry) return false;
    this.#remove(entry);
    return true;
  }

  // added takes an item of the history, or learns that one of ours has arrived.
  #added(item) {
    const text = textOf(item);
    if (item.type !== "message" || !text || this.#byItem(item.id)) return false;
    const who = { user: "caller", assistant: "agent" }[item.role];
    if (!who) return false;
    this.#push({ id: item.id, item: item.id, who, text, interrupted: item.status === "incomplete" });
    return true;
  }

  #reply(id) {
    const old = this.entries.find((e) => e.id === id);
    return old ?? this.#push({ id, who: "agent", live: true, notes: this.#spare.splice(0) });
  }

  #said(e, text) {
    const entry = this.#reply(e.response_id);
    entry.item ||= e.item_id;
    entry.text = text(entry);
  }

  #replied(response) {
    const entry = this.entries.find((e) => e.id === response.id);
    if (!entry) return false;
    entry.live = false;
    entry.interrupted = response.status === "cancelled";
    if (!entry.text && !entry.notes.length) this.#remove(entry);
    return true;
  }

  // moved takes back that the last reply was interrupted: it goes on elsewhere.
  #moved() {
    return this.#change(this.entries.findLast((e) => e.who === "agent"), { interrupted: false });
  }

  // tool shows what a tool found or made with the reply it was used for.
  #tool(response, notes) {
    const worth = notes.filter((n) => known.has(n.kind));
    if (!worth.length) return false;
    const entry = this.entries.findLast((e) => e.who === "agent" && (e.id === response || e.live));
    const shown = entry ? entry.notes : this.#spare;
    for (const n of worth) {
      const same = shown.find((s) => s.kind === n.kind && s.id === n.id && s.title === n.title);
      if (same) Object.assign(same, n);
      else shown.push(n);
    }
    return true;
  }
}

function textOf(item) {
  return (item.content ?? []).map((c) => c.text ?? c.transcript ?? "").join("");
}

// The conversation as a list of entries, made from events. apply reports whether an event
// changed anything.
//
// An entry is {id, who: "caller" | "agent" | "notice", item, text, isLive, notes}, and
// optionally isUnsent and isInterrupted. isLive means that its text may still change.

import { t } from "./texts.js";

const shownKinds = new Set(["ticket", "source", "handover"]);

export class Transcript {
  entries = [];
  #earlyNotes = []; // arrived before the reply they belong to

  apply(event) {
    const rule = this.#rules[event.type];
    if (!rule) return false;
    return rule(event) !== false;
  }

  // drop removes a typed text.
  drop(item) {
    this.#remove(this.#byItem(item));
  }

  clear() {
    this.entries = [];
    this.#earlyNotes = [];
  }

  #rules = {
    __proto__: null,
    typed: (e) => this.#push({ id: e.item, item: e.item, who: "caller", text: e.text }),
    unsent: (e) => this.#change(this.#byItem(e.item), { isUnsent: true }),
    notice: (e) => this.#addNotice(e.message),
    expired: () => this.#addNotice(t("expiredNotice")),
    reconnecting: () => this.#endLive(),
    connected: () => this.#endLive(),
    ended: () => this.#endLive(),
    failed: () => this.#endLive(),

    "input_audio_buffer.speech_started": (e) => this.#setCaller(e.item_id, { isLive: true }),
    "frontdesk.transcript": (e) => this.#setCaller(e.item_id, { text: e.text, isLive: true }),
    "conversation.item.input_audio_transcription.completed": (e) => this.#completeCaller(e.item_id, e.transcript.trim()),
    "conversation.item.added": (e) => this.#addItem(e.item),

    "response.created": (e) => void this.#replyEntry(e.response.id),
    "response.output_audio_transcript.delta": (e) => this.#setReplyText(e, (entry) => entry.text + e.delta),
    "response.output_audio_transcript.done": (e) => this.#setReplyText(e, () => e.transcript),
    "response.output_text.delta": (e) => this.#setReplyText(e, (entry) => entry.text + e.delta),
    "response.output_text.done": (e) => this.#setReplyText(e, () => e.text),
    "response.done": (e) => this.#endReply(e.response),

    "frontdesk.ended": (e) => e.result === "draining" && this.#unmarkInterrupted(),
    "frontdesk.tool": (e) => this.#addNotes(e.response_id, e.notes ?? []),
    "frontdesk.notice": (e) => this.#addNotice(e.message),
  };

  #push(entry) {
    this.entries.push({ notes: [], isLive: false, item: "", text: "", ...entry });
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

  #addNotice(text) {
    return this.#push({ id: `notice-${this.entries.length}`, who: "notice", text });
  }

  // endLive completes the entries that a lost line left unfinished.
  #endLive() {
    this.entries = this.entries.filter((e) => !e.isLive || e.text || e.notes.length);
    for (const e of this.entries) e.isLive = false;
  }

  #setCaller(item, change) {
    const entry = this.#byItem(item) ?? this.#push({ id: item, item, who: "caller" });
    Object.assign(entry, change);
  }

  // completeCaller sets the final transcript. An utterance without words is removed.
  #completeCaller(item, text) {
    if (text) return this.#setCaller(item, { text, isLive: false });
    const entry = this.#byItem(item);
    if (!entry) return false;
    this.#remove(entry);
    return true;
  }

  // addItem adds an item of the history. Items the page already shows are ignored.
  #addItem(item) {
    const text = textOf(item);
    if (item.type !== "message" || !text || this.#byItem(item.id)) return false;
    const who = { user: "caller", assistant: "agent" }[item.role];
    if (!who) return false;
    this.#push({ id: item.id, item: item.id, who, text, isInterrupted: item.status === "incomplete" });
    return true;
  }

  #replyEntry(id) {
    const existing = this.entries.find((e) => e.id === id);
    return existing ?? this.#push({ id, who: "agent", isLive: true, notes: this.#earlyNotes.splice(0) });
  }

  #setReplyText(e, text) {
    const entry = this.#replyEntry(e.response_id);
    entry.item ||= e.item_id;
    entry.text = text(entry);
  }

  #endReply(response) {
    const entry = this.entries.find((e) => e.id === response.id);
    if (!entry) return false;
    entry.isLive = false;
    entry.isInterrupted = response.status === "cancelled";
    if (!entry.text && !entry.notes.length) this.#remove(entry);
    return true;
  }

  // unmarkInterrupted is for a draining server: the last reply continues on another one.
  #unmarkInterrupted() {
    return this.#change(this.entries.findLast((e) => e.who === "agent"), { isInterrupted: false });
  }

  // addNotes adds the notes of a tool to the reply that called it.
  #addNotes(response, notes) {
    const shown = notes.filter((n) => shownKinds.has(n.kind));
    if (!shown.length) return false;
    const entry = this.entries.findLast((e) => e.who === "agent" && (e.id === response || e.isLive));
    const list = entry ? entry.notes : this.#earlyNotes;
    for (const n of shown) {
      const same = list.find((s) => s.kind === n.kind && s.id === n.id && s.title === n.title);
      if (same) Object.assign(same, n);
      else list.push(n);
    }
    return true;
  }
}

function textOf(item) {
  return (item.content ?? []).map((c) => c.text ?? c.transcript ?? "").join("");
}

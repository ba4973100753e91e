import assert from "node:assert/strict";
import { test } from "node:test";
import { latencies } from "../developer.js";
import { Transcript } from "../transcript.js";

function play(...events) {
  const t = new Transcript();
  for (const e of events) t.apply(e);
  return t.entries.map(({ who, text, isLive, ...rest }) => {
    const marks = [isLive && "live", rest.isInterrupted && "interrupted", rest.isUnsent && "unsent"].filter(Boolean);
    return [who, text, ...marks, ...rest.notes.map((n) => `${n.kind} ${n.id}`)].join(" | ");
  });
}

const started = (item_id) => ({ type: "input_audio_buffer.speech_started", item_id });
const partial = (item_id, text) => ({ type: "frontdesk.transcript", item_id, text });
const final = (item_id, transcript) => ({
  type: "conversation.item.input_audio_transcription.completed",
  item_id,
  transcript,
});
const created = (id) => ({ type: "response.created", response: { id } });
const delta = (response_id, delta) => ({
  type: "response.output_audio_transcript.delta",
  response_id,
  item_id: `item_${response_id}`,
  delta,
});
const done = (id, status = "completed") => ({ type: "response.done", response: { id, status } });
const tool = (...notes) => ({ type: "frontdesk.tool", name: "x", notes });
const message = (id, role, text, more = {}) => ({
  type: "conversation.item.added",
  item: {
    id,
    type: "message",
    role,
    content: [{ type: role === "user" ? "input_text" : "output_text", text }],
    ...more,
  },
});
const page = { kind: "source", id: "returns.md" };

const cases = {
  "a partial transcript replaces the previous one": [
    [started("a"), partial("a", "can eye"), partial("a", "can I return")],
    ["caller | can I return | live"],
  ],
  "the final transcript replaces the partial ones": [[partial("a", "can eye"), final("a", " Can I? ")], ["caller | Can I?"]],
  "an utterance without words is removed": [[started("a"), final("a", "")], []],
  "a reply grows as it is heard": [
    [created("r"), delta("r", "Yes, "), delta("r", "you can")],
    ["agent | Yes, you can | live"],
  ],
  "an interrupted reply keeps what was heard": [
    [created("r"), delta("r", "Yes, "), done("r", "cancelled")],
    ["agent | Yes,  | interrupted"],
  ],
  "a reply without text is removed": [[created("r"), done("r", "cancelled")], []],
  "a source found before the reply belongs to it": [
    [tool(page), created("r"), delta("r", "Yes."), done("r")],
    ["agent | Yes. | source returns.md"],
  ],
  "a source found during the reply belongs to it": [
    [created("r"), tool(page), tool(page), delta("r", "Yes."), done("r")],
    ["agent | Yes. | source returns.md"],
  ],
  "a note of an unknown kind is not shown": [
    [created("r"), tool({ kind: "x" }), delta("r", "Yes.")],
    ["agent | Yes. | live"],
  ],
  "a typed text is shown once": [
    [{ type: "typed", item: "i", text: "Hello" }, message("i", "user", "Hello")],
    ["caller | Hello"],
  ],
  "an unsent text is marked": [
    [
      { type: "typed", item: "i", text: "Hello" },
      { type: "unsent", item: "i" },
    ],
    ["caller | Hello | unsent"],
  ],
  "history fills an empty page": [
    [message("a", "user", "Hello"), message("b", "assistant", "Good", { status: "incomplete" })],
    ["caller | Hello", "agent | Good | interrupted"],
  ],
  "history is not repeated after a reconnect": [
    [
      final("a", "Hello"),
      created("r"),
      delta("r", "Hi"),
      done("r"),
      { type: "reconnecting" },
      { type: "connected" },
      message("a", "user", "Hello"),
      message("item_r", "assistant", "Hi"),
    ],
    ["caller | Hello", "agent | Hi"],
  ],
  "a lost line ends live entries": [
    [started("a"), created("r"), delta("r", "Yes"), { type: "reconnecting" }],
    ["agent | Yes"],
  ],
  "items of tools are not shown": [
    [{ type: "conversation.item.added", item: { id: "c", type: "function_call", name: "x" } }],
    [],
  ],
};
for (const [name, [events, want]] of Object.entries(cases)) {
  test(name, () => assert.deepEqual(play(...events), want));
}

test("latencies skip stages that did not happen", () => {
  const at = (ms) => new Date(1e12 + ms).toISOString();
  assert.deepEqual(latencies({ speech_end: at(0), endpoint: at(300), first_token: at(420), first_audio: at(500) }), {
    endpoint: 300,
    first_token: 120,
    first_audio: 80,
    total: 500,
  });
  assert.deepEqual(latencies({}), {});
});

test("a reply that moves to another node is not shown as interrupted", () => {
  const t = new Transcript();
  t.apply({ type: "response.created", response: { id: "r1" } });
  t.apply({ type: "response.output_audio_transcript.delta", response_id: "r1", item_id: "i1", delta: "One. " });
  t.apply({ type: "response.done", response: { id: "r1", status: "cancelled" } });
  assert.equal(t.entries[0].isInterrupted, true);
  t.apply({ type: "frontdesk.ended", result: "draining" });
  assert.equal(t.entries[0].isInterrupted, false);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, describe, initial, phaseOf, reduce } from "../state.js";

const play = (...events) => events.map((e) => (typeof e === "string" ? { type: e } : e)).reduce(reduce, initial);
const voice = [{ type: "asking" }, { type: "connecting", hasVoice: true }, { type: "connected", hasVoice: true, at: 1000 }];
const text = [
  { type: "connecting", hasVoice: false },
  { type: "connected", hasVoice: false, at: 1000 },
];
const heard = (transcript) => ({ type: "conversation.item.input_audio_transcription.completed", transcript });

const cases = [
  ["nothing has happened", [], "idle"],
  ["the browser asks for the microphone", ["asking"], "asking"],
  ["the call is being connected", voice.slice(0, 2), "connecting"],
  ["the call is connected", voice, "listening"],
  [
    "the caller has spoken",
    [...voice, "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"],
    "thinking",
  ],
  ["an utterance had no words", [...voice, "input_audio_buffer.speech_stopped", heard(" ")], "listening"],
  [
    "the caller continues after a pause",
    [...voice, "input_audio_buffer.speech_stopped", "input_audio_buffer.speech_started"],
    "listening",
  ],
  ["a reply is being written", [...voice, heard("hello"), "response.created"], "thinking"],
  ["a reply is being played", [...voice, "response.created", "output_audio_buffer.started"], "speaking"],
  [
    "a reply is written and still being played",
    [...voice, "response.created", "output_audio_buffer.started", "response.done"],
    "speaking",
  ],
  [
    "a reply was interrupted",
    [...voice, "response.created", "output_audio_buffer.started", "output_audio_buffer.cleared", "response.done"],
    "listening",
  ],
  ["a reply has no audio", [...voice, "response.created", "response.done"], "listening"],
  ["a question was refused", [...voice, "typed", "error"], "listening"],
  [
    "the line was lost while speaking",
    [...voice, "output_audio_buffer.started", { type: "reconnecting", attempt: 1 }],
    "reconnecting",
  ],
  [
    "a new line is tried",
    [...voice, { type: "reconnecting", attempt: 1 }, { type: "connecting", hasVoice: true }],
    "reconnecting",
  ],
  [
    "the line is back",
    [...voice, "output_audio_buffer.started", { type: "reconnecting", attempt: 1 }, voice[2]],
    "listening",
  ],
  ["the call is over", [...voice, { type: "ended", reason: "", at: 2000 }], "ended"],
  ["the call could not be made", [...voice.slice(0, 2), { type: "failed" }], "idle"],
  ["the call was cut off", [...voice, { type: "failed", at: 2000 }], "ended"],
  ["a text line is open", text, "texting"],
  ["a question was typed", [...text, "typed"], "writing"],
  ["a text line is over", [...text, { type: "ended", at: 2000 }], "idle"],
  ["audio is blocked", [...voice.slice(0, 2), text[1]], "texting"],
];
for (const [name, events, phase] of cases) {
  test(`phase when ${name}: ${phase}`, () => assert.equal(phaseOf(play(...events)), phase));
}

test("the call's duration includes reconnects", () => {
  const s = play(
    ...voice,
    { type: "reconnecting", attempt: 1 },
    { ...voice[2], at: 30_000 },
    { type: "ended", reason: "You hung up.", at: 66_000 },
  );
  assert.deepEqual(describe(s, { title: "Shop", voice: true }), ["Call ended", "You hung up. It lasted 1:05."]);
});

test("the microphone stays muted after the call", () => {
  assert.equal(play(...voice, { type: "muted", isMuted: true }, { type: "ended", at: 2000 }, "asking").isMuted, true);
});

test("an unknown event changes nothing", () => {
  const s = play(...voice);
  assert.equal(reduce(s, { type: "constructor" }), s);
});

test("clock", () => {
  assert.equal(clock(0), "0:00");
  assert.equal(clock(61_999), "1:01");
  assert.equal(clock(-5), "0:00");
});

// What the page knows about the call, as plain data. `reduce` takes one event,
// the page's own (no dot in its type) or the server's, and gives the next state.

export const initial = Object.freeze({
  stage: "idle", // idle, asking, connecting, open, reconnecting, ended
  voice: false, // the line carries sound, or is meant to
  hearing: false, // the caller is making sound
  awaiting: false, // the caller has finished, no reply has begun
  replying: false, // a reply is being made
  playing: false, // a reply is being heard
  muted: false,
  attempt: 0, // of reconnecting
  since: 0, // ms: when the voice call was first connected
  lasted: 0, // ms: how long it was
  ending: "", // why it ended, in words
});

const quiet = { hearing: false, awaiting: false, replying: false, playing: false };

const rules = {
  __proto__: null,
  asking: (s) => ({ ...initial, stage: "asking", voice: true, muted: s.muted }),
  connecting: (s, e) => (s.stage === "reconnecting" ? s : { ...s, ...quiet, stage: "connecting", voice: e.voice }),
  connected: (s, e) => ({
    ...s,
    ...quiet,
    stage: "open",
    voice: e.voice,
    awaiting: Boolean(e.awaiting),
    attempt: 0,
    since: e.voice ? s.since || e.at : 0,
  }),
  reconnecting: (s, e) => ({ ...s, ...quiet, stage: "reconnecting", attempt: e.attempt }),
  ended: (s, e) => finish(s, e.reason, e.at),
  failed: (s, e) => (s.since ? finish(s, "It broke off.", e.at) : { ...initial, muted: s.muted }),
  muted: (s, e) => ({ ...s, muted: e.on }),
  typed: (s) => (s.stage === "open" ? { ...s, awaiting: true } : s),

  "input_audio_buffer.speech_started": (s) => ({ ...s, hearing: true, awaiting: false }),
  "input_audio_buffer.speech_stopped": (s) => ({ ...s, hearing: false, awaiting: true }),
  "conversation.item.input_audio_transcription.completed": (s, e) =>
    e.transcript.trim() ? { ...s, awaiting: true } : { ...s, awaiting: false },
  "response.created": (s) => ({ ...s, awaiting: false, replying: true }),
  "response.done": (s) => ({ ...s, replying: false }),
  "output_audio_buffer.started": (s) => ({ ...s, playing: true }),
  "output_audio_buffer.stopped": (s) => ({ ...s, playing: false }),
  "output_audio_buffer.cleared": (s) => ({ ...s, playing: false }),
  error: (s) => ({ ...s, awaiting: false }),
};

function finish(s, reason, at) {
  if (!s.voice) return { ...initial, muted: s.muted };
  return {
    ...initial,
    stage: "ended",
    voice: true,
    muted: s.muted,
    lasted: s.since ? at - s.since : 0,
    ending: reason,
  };
}

export function reduce(state, event) {
  const rule = rules[event.type];
  return rule ? rule(state, event) : state;
}

// phaseOf is the one word for what is going on, for people and for style sheets.
export function phaseOf(s) {
  if (s.stage !== "open") return s.stage;
  if (s.playing) return "speaking";
  if (s.replying || (s.awaiting && !s.hearing)) return s.voice ? "thinking" : "writing";
  return s.voice ? "listening" : "texting";
}

// describe says a phase in a word and a line; agent is one as the server lists it.
export function describe(s, agent) {
  switch (phaseOf(s)) {
    case "asking":
      return ["Asking", "Please allow the microphone in your browser."];
    case "connecting":
      return ["Connecting", s.voice ? "Your call is on its way." : "Opening the conversation."];
    case "listening":
      if (s.muted) return ["Muted", `${agent.title} cannot hear you.`];
      return ["Listening", s.hearing ? "I can hear you." : "Go ahead, just talk."];
    case "thinking":
      return ["Thinking", "One moment."];
    case "writing":
      return ["Writing", "One moment."];
    case "speaking":
      return ["Speaking", s.voice ? "Talk any time to interrupt." : ""];
    case "reconnecting":
      return ["Reconnecting", `Attempt ${s.attempt}. Nothing you said is lost.`];
    case "ended":
      return ["Call ended", [s.ending, s.lasted ? `It lasted ${clock(s.lasted)}.` : ""].filter(Boolean).join(" ")];
    case "texting":
      return ["Ready", agent.voice ? "We are talking by text. You can also call." : "We are talking by text."];
    default:
      return [
        "Ready",
        agent.voice ? "Press the button and talk, or type." : "Type your question. This desk has no telephone.",
      ];
  }
}

// clock shows milliseconds as m:ss.
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

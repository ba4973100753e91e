// The state of the call as plain data. reduce returns the state after an event, which is
// the server's or the page's own (see session.js).
import { t } from "./texts.js";

export const initial = Object.freeze({
  stage: "idle", // idle, asking, connecting, open, reconnecting, ended
  hasVoice: false, // the line has audio, or is to have it
  isCallerSpeaking: false,
  isAwaitingReply: false, // the caller has finished, but no reply has begun
  isReplying: false, // a reply is being written
  isPlaying: false, // a reply is being played
  isMuted: false,
  attempt: 0, // to reconnect
  connectedAt: 0, // ms: when the voice call was first connected
  duration: 0, // ms, of the ended call
  endReason: "", // for people
});

const noActivity = { isCallerSpeaking: false, isAwaitingReply: false, isReplying: false, isPlaying: false };

const rules = {
  __proto__: null,
  asking: (s) => ({ ...initial, stage: "asking", hasVoice: true, isMuted: s.isMuted }),
  connecting: (s, e) =>
    s.stage === "reconnecting" ? s : { ...s, ...noActivity, stage: "connecting", hasVoice: e.hasVoice },
  connected: (s, e) => ({
    ...s,
    ...noActivity,
    stage: "open",
    hasVoice: e.hasVoice,
    isAwaitingReply: Boolean(e.isAwaitingReply),
    attempt: 0,
    connectedAt: e.hasVoice ? s.connectedAt || e.at : 0,
  }),
  reconnecting: (s, e) => ({ ...s, ...noActivity, stage: "reconnecting", attempt: e.attempt }),
  ended: (s, e) => end(s, e.reason, e.at),
  failed: (s, e) => (s.connectedAt ? end(s, t("cutOff"), e.at) : { ...initial, isMuted: s.isMuted }),
  muted: (s, e) => ({ ...s, isMuted: e.isMuted }),
  typed: (s) => (s.stage === "open" ? { ...s, isAwaitingReply: true } : s),

  "input_audio_buffer.speech_started": (s) => ({ ...s, isCallerSpeaking: true, isAwaitingReply: false }),
  "input_audio_buffer.speech_stopped": (s) => ({ ...s, isCallerSpeaking: false, isAwaitingReply: true }),
  "conversation.item.input_audio_transcription.completed": (s, e) =>
    e.transcript.trim() ? { ...s, isAwaitingReply: true } : { ...s, isAwaitingReply: false },
  "response.created": (s) => ({ ...s, isAwaitingReply: false, isReplying: true }),
  "response.done": (s) => ({ ...s, isReplying: false }),
  "output_audio_buffer.started": (s) => ({ ...s, isPlaying: true }),
  "output_audio_buffer.stopped": (s) => ({ ...s, isPlaying: false }),
  "output_audio_buffer.cleared": (s) => ({ ...s, isPlaying: false }),
  error: (s) => ({ ...s, isAwaitingReply: false }),
};

function end(s, reason, at) {
  if (!s.hasVoice) return { ...initial, isMuted: s.isMuted };
  return {
    ...initial,
    stage: "ended",
    hasVoice: true,
    isMuted: s.isMuted,
    duration: s.connectedAt ? at - s.connectedAt : 0,
    endReason: reason,
  };
}

export function reduce(state, event) {
  const rule = rules[event.type];
  return rule ? rule(state, event) : state;
}

// phaseOf returns what happens now as one word, for describe and the style sheet.
export function phaseOf(s) {
  if (s.stage !== "open") return s.stage;
  if (s.isPlaying) return "speaking";
  if (s.isReplying || (s.isAwaitingReply && !s.isCallerSpeaking)) return s.hasVoice ? "thinking" : "writing";
  return s.hasVoice ? "listening" : "texting";
}

// describe returns the phase for people: a title and a sentence. agent is one of the
// server's list.
export function describe(s, agent) {
  switch (phaseOf(s)) {
    case "asking":
      return [t("asking"), t("allowMicrophone")];
    case "connecting":
      return [t("connecting"), t(s.hasVoice ? "connectingCall" : "connectingText")];
    case "listening":
      if (s.isMuted) return [t("muted"), t("cannotHear", agent.title)];
      return [t("listening"), t(s.isCallerSpeaking ? "hearing" : "goAhead")];
    case "thinking":
      return [t("thinking"), t("oneMoment")];
    case "writing":
      return [t("writing"), t("oneMoment")];
    case "speaking":
      return [t("speaking"), s.hasVoice ? t("mayInterrupt") : ""];
    case "reconnecting":
      return [t("reconnecting"), t("attempt", s.attempt)];
    case "ended":
      return [t("callEnded"), [s.endReason, s.duration ? t("lasted", clock(s.duration)) : ""].filter(Boolean).join(" ")];
    case "texting":
      return [t("ready"), t(agent.voice ? "textingOrCall" : "texting")];
    default:
      return [t("ready"), t(agent.voice ? "pressOrType" : "typeOnly")];
  }
}

// clock formats milliseconds as m:ss.
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

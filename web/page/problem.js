import { language, t } from "./texts.js";

// Problem is an error as it is shown to the caller: a title, what happened and what to do.
export class Problem extends Error {
  constructor(code, title, message, { retryable = false, retryAfter = 0 } = {}) {
    super(message);
    this.code = code;
    this.title = title;
    this.retryable = retryable;
    this.retryAfter = retryAfter; // seconds, 0 if unknown
  }
}

// The codes of errors whose title says what happened.
const knownCodes = new Set([
  "unauthorized",
  "forbidden",
  "not_found",
  "rate_limited",
  "unavailable",
  "too_large",
  "storage_failed",
  "timeout",
]);

const titleOf = (code) => t(knownCodes.has(code) ? code : "failed");

// detailOf returns the server's message. The server speaks English, so in other languages the
// title must do if it says what happened.
const detailOf = (code, message) => (language() === "en" || !knownCodes.has(code) ? sentence(message) : "");

// fromResponse returns the Problem of an error response of the server, or of a proxy.
export async function fromResponse(response) {
  const body = await response.json().catch(() => ({}));
  const { code = "unavailable", message = "", retryable = response.status >= 500 } = body.error ?? {};
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const text = message ? detailOf(code, message) : t("status", response.status);
  const wait = retryAfter ? t("retryIn", retryAfter) : "";
  return new Problem(code, titleOf(code), [text, wait].filter(Boolean).join(" "), { retryable, retryAfter });
}

// fromError returns anything that was thrown as a Problem.
export function fromError(error) {
  return error instanceof Problem ? error : new Problem("internal", t("failed"), sentence(error.message));
}

// fromEvent returns the Problem of an error event.
export function fromEvent({ code = "", message = "" }) {
  return new Problem(code, titleOf(code), detailOf(code, message));
}

export const offline = () =>
  new Problem("network", t("noConnection"), t(navigator.onLine ? "unreachable" : "offline"), { retryable: true });

// noAudio means that requests reach the server, but audio does not.
export const noAudio = () =>
  new Problem("media", t("audioBlocked"), t("audioBlockedDetail"), { retryable: true });

function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

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

const titles = {
  unauthorized: "This page is out of date",
  forbidden: "This is not allowed here",
  not_found: "That was not found",
  rate_limited: "All lines are busy",
  unavailable: "The service is not available right now",
  too_large: "That is too long",
  storage_failed: "The conversation cannot be saved right now",
  timeout: "That took too long",
};

// fromResponse returns the Problem of an error response of the server, or of a proxy.
export async function fromResponse(response) {
  const body = await response.json().catch(() => ({}));
  const { code = "unavailable", message = "", retryable = response.status >= 500 } = body.error ?? {};
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const wait = retryAfter ? ` Please try again in ${retryAfter === 1 ? "a second" : `${retryAfter} seconds`}.` : "";
  const text = message ? sentence(message) : `The server answered with status ${response.status}.`;
  return new Problem(code, titles[code] ?? "That did not work", text + wait, { retryable, retryAfter });
}

// fromError returns anything that was thrown as a Problem.
export function fromError(error) {
  return error instanceof Problem ? error : new Problem("internal", "That did not work", sentence(error.message));
}

// fromEvent returns the Problem of an error event.
export function fromEvent({ code = "", message = "" }) {
  return new Problem(code, titles[code] ?? "That did not work", sentence(message));
}

export const offline = () =>
  new Problem(
    "network",
    "No connection",
    navigator.onLine
      ? "The server cannot be reached. Check your network; what you type stays here."
      : "Your device is offline. Check your network; what you type stays here.",
    { retryable: true },
  );

// noAudio means that requests reach the server, but audio does not.
export const noAudio = () =>
  new Problem("media", "The audio is blocked", "Your network allows this page, but not the audio of a call.", {
    retryable: true,
  });

function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

// Problem is a failure told to the caller: a title, what happened and what to do.
export class Problem extends Error {
  constructor(code, title, message, { retryable = false, after = 0 } = {}) {
    super(message);
    this.code = code;
    this.title = title;
    this.retryable = retryable;
    this.after = after; // seconds, 0 if not known
  }
}

const titles = {
  unauthorized: "This page is out of date",
  forbidden: "This is not allowed here",
  not_found: "That is no longer there",
  rate_limited: "All lines are busy",
  unavailable: "We cannot take this right now",
  too_large: "That is too long",
  storage_failed: "We cannot keep a record right now",
  timeout: "That took too long",
};

// fromResponse reads the server's error form, or what a proxy in between said.
export async function fromResponse(response) {
  const body = await response.json().catch(() => ({}));
  const { code = "unavailable", message = "", retryable = response.status >= 500 } = body.error ?? {};
  const after = Number(response.headers.get("Retry-After")) || 0;
  const wait = after ? ` Please try again in ${after === 1 ? "a second" : `${after} seconds`}.` : "";
  const said = message ? sentence(message) : `The server answered ${response.status}.`;
  return new Problem(code, titles[code] ?? "That did not work", said + wait, { retryable, after });
}

// fromError makes a Problem of anything that was thrown.
export function fromError(error) {
  return error instanceof Problem ? error : new Problem("internal", "That did not work", sentence(error.message));
}

// fromEvent reads an error event of the conversation.
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

// noSound means that signalling works and sound does not get through.
export const noSound = () =>
  new Problem("media", "Sound cannot get through", "Your network lets this page through but not the sound of a call.", {
    retryable: true,
  });

function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

import { Problem } from "./problem.js";

const instead = "You can type your question below instead.";

const refusals = {
  NotAllowedError: [
    "microphone_refused",
    "The microphone is blocked",
    `Allow it for this page with the icon beside the address, then call again. ${instead}`,
  ],
  NotFoundError: [
    "microphone_missing",
    "No microphone was found",
    `Connect one, or switch it on in your system's sound settings, then call again. ${instead}`,
  ],
  NotReadableError: [
    "microphone_busy",
    "The microphone is in use",
    `Another program or tab is holding it. Close that, then call again. ${instead}`,
  ],
};

// openMicrophone asks for the caller's sound. It throws a Problem.
export async function openMicrophone() {
  if (!window.isSecureContext || !navigator.mediaDevices) throw insecure();
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const [code, title, message] = refusals[error.name] ?? [
      "microphone_failed",
      "The microphone did not start",
      `Your browser says: ${error.message || error.name}. ${instead}`,
    ];
    throw new Problem(code, title, message);
  }
}

export function closeMicrophone(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function insecure() {
  return new Problem(
    "insecure_page",
    "No microphone on this address",
    `Browsers give the microphone to secure pages only, and this one came over plain HTTP from ${location.host}. ` +
      `Open it as https://${location.host}, or as http://localhost on the computer that runs Frontdesk. ${instead}`,
  );
}

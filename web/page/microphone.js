import { Problem } from "./problem.js";

const typeInstead = "You can type your question below instead.";

// Titles and messages by the name of getUserMedia's error.
const problems = {
  NotAllowedError: [
    "microphone_refused",
    "The microphone is blocked",
    `Allow it for this page with the icon next to the address, then call again. ${typeInstead}`,
  ],
  NotFoundError: [
    "microphone_missing",
    "No microphone was found",
    `Connect one, or enable it in your system's sound settings, then call again. ${typeInstead}`,
  ],
  NotReadableError: [
    "microphone_busy",
    "The microphone is in use",
    `Another program or tab is using it. Close that one, then call again. ${typeInstead}`,
  ],
};

// openMicrophone asks the caller for the microphone. It throws a Problem.
export async function openMicrophone() {
  if (!window.isSecureContext || !navigator.mediaDevices) throw insecurePage();
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const [code, title, message] = problems[error.name] ?? [
      "microphone_failed",
      "The microphone did not start",
      `Your browser reports: ${error.message || error.name}. ${typeInstead}`,
    ];
    throw new Problem(code, title, message);
  }
}

export function closeMicrophone(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function insecurePage() {
  return new Problem(
    "insecure_page",
    "The microphone needs HTTPS",
    `Browsers allow the microphone only on secure pages, and this page was loaded from ${location.host} without HTTPS. ` +
      `Open it as https://${location.host}, or as http://localhost on the computer that runs Frontdesk. ${typeInstead}`,
  );
}

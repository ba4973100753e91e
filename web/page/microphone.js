import { Problem } from "./problem.js";
import { t } from "./texts.js";

// Codes, and keys of titles and advice, by the name of getUserMedia's error.
const problems = {
  NotAllowedError: ["microphone_refused", "refused", "refusedAdvice"],
  NotFoundError: ["microphone_missing", "missing", "missingAdvice"],
  NotReadableError: ["microphone_busy", "busy", "busyAdvice"],
};

// openMicrophone asks the caller for the microphone. It throws a Problem.
export async function openMicrophone() {
  if (!window.isSecureContext || !navigator.mediaDevices) throw insecurePage();
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const [code, title, advice] = problems[error.name] ?? ["microphone_failed", "notStarted", "reports"];
    throw problem(code, title, t(advice, error.message || error.name));
  }
}

export function closeMicrophone(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

const insecurePage = () => problem("insecure_page", "insecure", t("insecureAdvice", location.host));

const problem = (code, title, advice) => new Problem(code, t(title), `${advice} ${t("typeInstead")}`);

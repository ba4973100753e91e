// Holds a conversation with OpenAI's own client, which gets only another URL and key.
//   node openai.mjs https://HOST/v1 KEY TEXT [FILE of 16-bit samples at 24 kHz]
// asks TEXT, or plays FILE, and prints greeting, transcript and reply as JSON.
import { readFile } from "node:fs/promises";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const [baseURL, apiKey, text, file] = process.argv.slice(2);
const spoken = file !== undefined;
const bytesPerSecond = 24000 * 2;
const chunk = bytesPerSecond / 10;

const client = new OpenAI({ baseURL, apiKey });
const secret = await client.realtime.clientSecrets.create({ session: { type: "realtime", model: "demo" } });
const line = new OpenAIRealtimeWS({ model: "demo" }, new OpenAI({ baseURL, apiKey: secret.value }));
const fail = (why) => {
  console.error(why);
  process.exit(1);
};
line.on("error", (error) => fail(error));
const late = setTimeout(() => fail("no reply within a minute"), 60_000);

/** The next event of a type. */
const next = (type) => new Promise((resolve) => line.once(type, resolve));

/** Milliseconds of 16-bit samples that are audible. */
function audible(pcm) {
  const frame = 960; // 20 ms
  let ms = 0;
  for (let at = 0; at + frame <= pcm.length; at += frame) {
    let sum = 0;
    for (let i = at; i < at + frame; i += 2) sum += pcm.readInt16LE(i) ** 2;
    if (Math.sqrt((2 * sum) / frame) > 300) ms += 20;
  }
  return ms;
}

/** The text and the audio of the next reply. */
async function reply() {
  const audio = [];
  const hear = (event) => audio.push(Buffer.from(event.delta, "base64"));
  line.on("response.output_audio.delta", hear);
  const { response } = await next("response.done");
  line.off("response.output_audio.delta", hear);
  const words = response.output.flatMap((item) => item.content ?? []).map((part) => part.transcript ?? part.text);
  return { status: response.status, text: words.join(" "), audible_ms: audible(Buffer.concat(audio)) };
}

const greeting = reply();
await next("session.created");
line.send({ type: "session.update", session: { type: "realtime", output_modalities: [spoken ? "audio" : "text"] } });
const result = { greeting: await greeting };
if (spoken) {
  const audio = await readFile(file);
  for (let at = 0; at < audio.length; at += chunk) { // in real time, like a microphone
    line.send({ type: "input_audio_buffer.append", audio: audio.subarray(at, at + chunk).toString("base64") });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  result.transcript = (await next("conversation.item.input_audio_transcription.completed")).transcript;
} else {
  line.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
  line.send({ type: "response.create" });
}
result.reply = await reply();
clearTimeout(late);
line.close();
console.log(JSON.stringify(result));

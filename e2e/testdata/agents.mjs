// Holds a conversation with OpenAI's agents client over WebSocket; the client has a tool.
//   node agents.mjs ws://HOST/v1/realtime KEY TEXT
// asks TEXT and prints the tool calls, the errors and the length of the audio as JSON.
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";

const [url, apiKey, text] = process.argv.slice(2);
const calls = [];
const temperature = tool({
  name: "room_temperature",
  description: "The temperature of a room.",
  strict: false,
  parameters: { type: "object", properties: { room: { type: "string" } }, required: ["room"], additionalProperties: true },
  execute: async (args) => {
    calls.push(args);
    return "21 degrees";
  },
});
const agent = new RealtimeAgent({ name: "porter", instructions: "You are the night porter.", tools: [temperature] });
const session = new RealtimeSession(agent, { model: "demo", transport: "websocket" });
const errors = [];
session.on("error", (error) => errors.push(JSON.stringify(error?.error ?? String(error))));
let bytes = 0;
session.on("audio", (event) => (bytes += event.data.byteLength));

/** Resolves when the agent has said something that contains words. */
const awaitReply = (words) =>
  new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`the agent did not say ${words}: ${JSON.stringify(session.history)} ${errors}`)), 60_000).unref();
    session.on("history_updated", (history) => {
      const spoken = history.filter((item) => item.role === "assistant").flatMap((item) => item.content);
      if (spoken.some((part) => (part.transcript ?? part.text ?? "").includes(words))) resolve();
    });
  });

const answered = awaitReply("21 degrees");
await session.connect({ apiKey, url });
session.sendMessage(text);
await answered;
session.close();
console.log(JSON.stringify({ calls, errors, audio_ms: Math.round(bytes / 48) }));

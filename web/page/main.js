// Connects the parts of the page: every event updates the state, the transcript and the
// developer view, and then the page is drawn.
import { fetchAgents } from "./api.js";
import { DeveloperView } from "./developer.js";
import { Log } from "./log.js";
import { Meter } from "./meter.js";
import { Problem, fromError, fromEvent } from "./problem.js";
import { Session } from "./session.js";
import { initial, reduce } from "./state.js";
import { Transcript } from "./transcript.js";
import { View, levels } from "./view.js";

const $ = (id) => document.getElementById(id);
const transcript = new Transcript();
const log = new Log($("log"));
const developer = new DeveloperView($("turns"), $("events"));
const callerMeter = new Meter(levels.caller);
const agentMeter = new Meter(levels.agent);
let state = initial;
let session = null;

const view = new View({
  call: async () => {
    view.hideProblem();
    if (await findSession()) session.call();
  },
  hangUp: () => session?.hangUp(),
  mute: () => {
    handle({ type: "muted", isMuted: !state.isMuted });
    session?.mute(state.isMuted);
    view.announce(state.isMuted ? "Microphone muted" : "Microphone on");
  },
  type: async (text) => {
    view.hideProblem();
    if (await findSession()) session.type(text);
    else view.restoreText(text);
  },
  startOver: () => {
    session?.startOver();
    transcript.clear();
    developer.clear();
    state = { ...initial, isMuted: state.isMuted };
    view.hideProblem();
    draw();
    $("say").focus();
  },
});

function handle(event) {
  state = reduce(state, event);
  transcript.apply(event);
  developer.apply(event);
  react(event);
  draw();
}

// react does what an event requires apart from drawing the state.
function react(event) {
  switch (event.type) {
    case "connected":
      view.hideProblem();
      break;
    case "failed":
      view.showProblem(event.problem);
      break;
    case "error":
      view.showProblem(fromEvent(event.error));
      break;
    case "unsent":
      if (view.restoreText(event.text)) transcript.drop(event.item);
      break;
    case "notice":
    case "frontdesk.notice":
      view.announce(event.message);
      break;
    case "response.done":
      if (!state.hasVoice) announceReply(event.response.id);
      break;
  }
}

// announceReply announces a complete written reply to screen readers.
function announceReply(id) {
  const entry = transcript.entries.find((e) => e.id === id);
  if (entry) view.announce(entry.text);
}

function draw() {
  view.show(state, transcript.entries);
  log.draw(transcript.entries);
}

function onAudio(caller, agent) {
  $("voice").srcObject = agent;
  callerMeter.watch(caller);
  agentMeter.watch(agent);
}

// findSession asks the server for the agent and creates the session, once. It reports
// whether there is a session.
async function findSession() {
  if (session) return true;
  try {
    const { agent, iceServers } = await findAgent();
    view.showAgent(agent);
    log.agent = agent.title || agent.name;
    session = new Session(agent.name, { emit: handle, onAudio, iceServers });
    draw();
    return true;
  } catch (error) {
    view.showProblem(fromError(error));
    return false;
  }
}

async function findAgent() {
  const wanted = new URLSearchParams(location.search).get("agent");
  const { agents, ice_servers: iceServers } = await fetchAgents();
  const agent = wanted ? agents.find((a) => a.name === wanted) : (agents.find((a) => a.default) ?? agents[0]);
  if (agent) return { agent, iceServers };
  const message = wanted ? `This server has no agent “${wanted}”.` : "This server has no agents yet.";
  throw new Problem("not_found", "Nobody can answer", message);
}

if ((await findSession()) && session.canResume) session.resume();

// Connects the parts of the page: every event updates the state, the transcript and the
// developer view, and then the page is drawn.
import { chooseAgent } from "./agents.js";
import { fetchAgents } from "./api.js";
import { DeveloperView } from "./developer.js";
import { Log } from "./log.js";
import { Meter } from "./meter.js";
import { Problem, fromError, fromEvent } from "./problem.js";
import { Session } from "./session.js";
import { initial, reduce } from "./state.js";
import { language, t, translate, useLanguage } from "./texts.js";
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
let server = null; // {agents, iceServers}

const view = new View({
  call: async () => {
    view.hideProblem();
    if (await findSession()) session.call();
  },
  hangUp: () => session?.hangUp(),
  mute: () => {
    handle({ type: "muted", isMuted: !state.isMuted });
    session?.mute(state.isMuted);
    view.announce(t(state.isMuted ? "microphoneMuted" : "microphoneOn"));
  },
  type: async (text) => {
    view.hideProblem();
    if (await findSession()) session.type(text);
    else view.restoreText(text);
  },
  startOver: () => {
    session?.startOver();
    clear();
    $("say").focus();
  },
  chooseAgent: (name) => {
    session?.leave();
    clear();
    const address = new URL(location.href); // a reloaded page has the same agent
    address.searchParams.set("agent", name);
    history.replaceState(null, "", address);
    begin(server.agents.find((a) => a.name === name));
  },
});

// clear forgets what the page shows of a conversation.
function clear() {
  transcript.clear();
  developer.clear();
  state = { ...initial, isMuted: state.isMuted };
  view.hideProblem();
  draw();
}

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

// findSession asks the server for its agents and begins with one of them, once. It reports
// whether there is a session.
async function findSession() {
  if (session) return true;
  try {
    const { agents, ice_servers: iceServers } = await fetchAgents();
    if (session) return true; // found by another caller of this function
    server = { agents, iceServers };
    view.showAgents(agents);
    begin(findAgent(agents));
    return true;
  } catch (error) {
    view.showProblem(fromError(error));
    return false;
  }
}

function findAgent(agents) {
  const wanted = new URLSearchParams(location.search).get("agent");
  const agent = chooseAgent(agents, wanted, navigator.languages);
  if (agent) return agent;
  throw new Problem("not_found", t("nobody"), wanted ? t("unknownAgent", wanted) : t("noAgent"));
}

// begin shows the agent and continues the tab's conversation with it, if there is one.
function begin(agent) {
  view.showAgent(agent);
  log.agent = { ...agent, title: agent.title || agent.name };
  session = new Session(agent.name, { emit: handle, onAudio, iceServers: server.iceServers });
  session.mute(state.isMuted);
  draw();
  if (session.canResume) session.resume();
}

useLanguage(navigator.language);
translate(document);
document.documentElement.lang = language();
findSession();

// Wires the page: every event goes into the state, the transcript and the
// developer's view, and what changed is drawn.
import { fetchAgents } from "./api.js";
import { Developer } from "./developer.js";
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
const developer = new Developer($("turns"), $("events"));
const callerMeter = new Meter(levels.caller);
const agentMeter = new Meter(levels.agent);
let state = initial;
let session = null;

const view = new View({
  call: async () => {
    view.hideProblem();
    if (await ready()) session.call();
  },
  hangUp: () => session?.hangUp(),
  mute: () => {
    tell({ type: "muted", on: !state.muted });
    session?.mute(state.muted);
    view.announce(state.muted ? "Microphone muted" : "Microphone on");
  },
  type: async (text) => {
    view.hideProblem();
    if (await ready()) session.type(text);
    else view.giveBack(text);
  },
  startOver: () => {
    session?.startOver();
    transcript.clear();
    developer.clear();
    state = { ...initial, muted: state.muted };
    view.hideProblem();
    draw();
    $("say").focus();
  },
});

function tell(event) {
  state = reduce(state, event);
  transcript.apply(event);
  developer.apply(event);
  attend(event);
  draw();
}

// attend does what an event asks of the page beside being drawn.
function attend(event) {
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
      if (view.giveBack(event.text)) transcript.drop(event.item);
      break;
    case "notice":
    case "frontdesk.notice":
      view.announce(event.message);
      break;
    case "response.done":
      if (!state.voice) readOut(event.response.id);
      break;
  }
}

// readOut announces a written reply once, when it is complete.
function readOut(id) {
  const entry = transcript.entries.find((e) => e.id === id);
  if (entry) view.announce(entry.text);
}

function draw() {
  view.show(state, transcript.entries);
  log.draw(transcript.entries);
}

function onSound(caller, agent) {
  $("voice").srcObject = agent;
  callerMeter.watch(caller);
  agentMeter.watch(agent);
}

// ready finds out who answers here, if that is not known yet. It returns whether
// that worked.
async function ready() {
  if (session) return true;
  try {
    const { agent, iceServers } = await findAgent();
    view.introduce(agent);
    log.agent = agent.title || agent.name;
    session = new Session(agent.name, { tell, onSound, iceServers });
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
  const which = wanted ? `There is no agent called “${wanted}” here.` : "There is no agent here yet.";
  throw new Problem("not_found", "Nobody answers here", which);
}

if ((await ready()) && session.canGoOn) session.goOn();

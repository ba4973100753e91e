// Which of the server's agents the caller talks to, and how the page names them.
import { primaryOf } from "./texts.js";

// chooseAgent returns the agent called wanted. Without wanted, it returns an agent that speaks
// the first of the caller's languages (BCP 47) that any agent speaks, or else the default agent.
// Among those of a language it prefers the default agent, and then one of the same company.
export function chooseAgent(agents, wanted, languages) {
  if (wanted) return agents.find((a) => a.name === wanted);
  const standard = agents.find((a) => a.default) ?? agents[0];
  for (const language of languages) {
    const able = agents.filter((a) => primaryOf(a.language) === primaryOf(language));
    if (!able.length) continue;
    if (able.includes(standard)) return standard;
    const related = able.filter((a) => a.title === standard.title);
    const best = related.length ? related : able;
    return best.find((a) => a.language.toLowerCase() === language.toLowerCase()) ?? best[0];
  }
  return standard;
}

// optionNames returns what to call the agents in a list: by title and language as far as these
// differ, and by name if that is not enough.
export function optionNames(agents) {
  const differ = (values) => new Set(values).size > 1;
  const titles = agents.map((a) => a.title || a.name);
  const tags = agents.map((a) => a.language);
  const names = agents.map((a, i) =>
    [differ(titles) || !differ(tags) ? titles[i] : "", differ(tags) ? languageName(tags[i]) : ""].filter(Boolean).join(" · "),
  );
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${agents[i].name})`));
}

// languageName returns the name of a language in that language: "Deutsch" of "de-AT".
function languageName(tag) {
  try {
    const name = new Intl.DisplayNames([tag], { type: "language" }).of(primaryOf(tag));
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
}

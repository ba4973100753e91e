import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseAgent, optionNames } from "../agents.js";

const agent = (name, language, title = "Willow", more = {}) => ({ name, language, title, ...more });
const shop = agent("shop", "en-US", "Willow", { default: true });
const laden = agent("laden", "de-DE");
const werkstatt = agent("werkstatt", "de-CH", "Werkstatt");
const tienda = agent("tienda", "es");
const all = [werkstatt, shop, laden, tienda];

for (const [name, wanted, languages, want] of [
  ["the agent that the address names", "tienda", ["de"], tienda],
  ["no agent for an unknown name", "nobody", ["de"], undefined],
  ["the caller's language, of the same company", null, ["de-AT", "en"], laden],
  ["the caller's first language that an agent speaks", null, ["it", "es-MX", "de"], tienda],
  ["the default agent if it speaks the language", null, ["en-GB", "de"], shop],
  ["the default agent if no agent speaks the language", null, ["pl"], shop],
]) {
  test(`chooses ${name}`, () => assert.equal(chooseAgent(all, wanted, languages), want));
}

test("prefers the region among agents of the language", () => {
  const swiss = agent("laden-ch", "de-CH");
  assert.equal(chooseAgent([shop, laden, swiss], null, ["de-CH"]), swiss);
  assert.equal(chooseAgent([shop, laden, swiss], null, ["de-AT"]), laden);
});

test("agents are named by what tells them apart", () => {
  assert.deepEqual(optionNames([shop, laden]), ["English", "Deutsch"]);
  assert.deepEqual(optionNames([laden, werkstatt]), ["Willow · Deutsch", "Werkstatt · Deutsch"]);
  assert.deepEqual(optionNames([agent("a", "en", "A"), agent("b", "en", "")]), ["A", "b"]);
  assert.deepEqual(optionNames([agent("a", "fr"), agent("b", "fr")]), ["Willow (a)", "Willow (b)"]);
  assert.deepEqual(optionNames([agent("a", "fr"), agent("b", "not a tag")]), ["Français", "not a tag"]);
});

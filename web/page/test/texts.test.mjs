import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { describe, initial } from "../state.js";
import { language, t, tables, useLanguage } from "../texts.js";

const page = new URL("../", import.meta.url);
const read = (name) => readFileSync(new URL(name, page), "utf8");

// Words that happen to be the same in two languages.
const same = { fr: ["conversation"], es: [], de: ["ticket"] };

for (const name of ["de", "fr", "es"]) {
  test(`every text is translated: ${name}`, () => {
    assert.deepEqual(Object.keys(tables[name]), Object.keys(tables.en));
    for (const [key, english] of Object.entries(tables.en)) {
      const text = tables[name][key];
      assert.equal(typeof text, typeof english, key);
      const [got, not] = typeof text === "function" ? [text("X"), english("X")] : [text, english];
      assert.ok(got && (got !== not || same[name].includes(key)), `${key} is ${got}`);
      if (typeof text === "function") assert.ok(got.includes("X"), `${key} lacks its value`);
    }
  });
}

test("every text that the page names exists, and every text is used", () => {
  const html = read("index.html");
  const scripts = readdirSync(page).filter((f) => f.endsWith(".js") && f !== "texts.js");
  const code = scripts.map(read).join("\n");
  const inPage = [...html.matchAll(/data-t(?:-\w+)?="(\w+)"/g)].map((m) => m[1]);
  const inCode = [...code.matchAll(/\bt\(([^;]*)/g)].flatMap((m) => [...m[1].matchAll(/^"(\w+)"|\? "(\w+)" : "(\w+)"/g)]);
  for (const key of [...inPage, ...inCode.flatMap((m) => m.slice(1).filter(Boolean))]) {
    assert.ok(key in tables.en, `unknown text ${key}`);
  }
  const all = html + code;
  for (const key of Object.keys(tables.en)) assert.match(all, new RegExp(`\\b${key}\\b`), `${key} is not used`);
});

test("the texts of the HTML are the English ones", () => {
  for (const [, key, text] of read("index.html").matchAll(/data-t="(\w+)"[^>]*>([^<]*)</g)) assert.equal(text, tables.en[key]);
});

test("the state is described in the agent's language", () => {
  useLanguage("de-AT");
  assert.equal(language(), "de");
  assert.deepEqual(describe({ ...initial, stage: "reconnecting", attempt: 2 }, { title: "Laden" }), [
    "Neu verbinden",
    "Versuch 2. Nichts von dem, was Sie gesagt haben, geht verloren.",
  ]);
  useLanguage("it");
  assert.equal(language(), "en");
  assert.equal(t("retryIn", 1), "Please try again in a second.");
  useLanguage("constructor");
  assert.equal(language(), "en");
});

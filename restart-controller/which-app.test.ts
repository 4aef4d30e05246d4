import assert from "node:assert/strict";
import { test } from "node:test";
import { whichApp } from "./which-app.ts";

const web = { name: "web", sourcePath: "/src" };
const worker = { name: "worker", sourcePath: "/src" };
const cache = { name: "cache" };
const code = (found: ReturnType<typeof whichApp>) => ("refused" in found ? found.refused.code : found.app);

test("a name is the app of that name", () => {
  assert.equal(code(whichApp([web, cache], "cache")), "cache");
  assert.equal(code(whichApp([{ name: "app" }, web], "app")), "app");
});

test("unnamed, or by the word app, it is the only one, or the only one that runs the source", () => {
  for (const asked of [undefined, "app"]) {
    assert.equal(code(whichApp([cache], asked)), "cache");
    assert.equal(code(whichApp([cache, web], asked)), "web");
  }
});

test("what could be several is refused with the names", () => {
  for (const asked of [undefined, "app"]) {
    const two = whichApp([web, worker, cache], asked);
    assert.equal(code(two), "INPOD_APP_AMBIGUOUS");
    assert.match(JSON.stringify(two), /\(web, worker\).*name one of: web, worker, cache/);
    assert.equal(code(whichApp([cache, { name: "queue" }], asked)), "INPOD_APP_AMBIGUOUS");
  }
  assert.equal(code(whichApp([web], "wbe")), "INPOD_APP_UNKNOWN");
  assert.equal(code(whichApp([], undefined)), "INPOD_APP_NONE");
});

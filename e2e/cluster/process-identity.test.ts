import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { identify, isAlive, parseIdentity } from "./process-identity.ts";

test("a process is alive until it ends, and another with its pid is not it", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const identity = await identify(child.pid ?? 0);
  assert.equal(await isAlive(identity), true);
  assert.equal(await isAlive({ ...identity, started: "1" }), false);
  assert.equal(await isAlive({ ...identity, boot: "an earlier boot" }), false);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(await isAlive(identity), false);
  await assert.rejects(identify(identity.pid), /is gone/);
});

test("a name with brackets and spaces doesn't hide the start time", async () => {
  const child = spawn("bash", ["-c", "exec -a 'a ) b (c' sleep 60"]);
  await once(child, "spawn");
  assert.match((await identify(child.pid ?? 0)).started, /^\d+$/);
  child.kill("SIGKILL");
});

test("what isn't a recorded identity names no process", () => {
  for (const text of ["", "{", "null", "[]", '{"pid":1}', '{"pid":"1","started":"1","boot":"x"}']) {
    assert.equal(parseIdentity(text), undefined, text);
  }
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { oneAtATime, tryHold } from "./one-at-a-time.ts";

const module = new URL("one-at-a-time.ts", import.meta.url).href;

test("works of one name follow each other, those of another don't wait", async () => {
  const name = `test-${process.pid}-a`;
  const log: string[] = [];
  let waited = 0;
  const work = (id: string) => async () => {
    log.push(`${id} begins`);
    await sleep(50);
    log.push(`${id} ends`);
    return id;
  };
  const waits = () => void waited++;
  const all = [
    oneAtATime(name, work("1"), waits),
    oneAtATime(name, work("2"), waits),
    oneAtATime(`${name}-other`, work("x"), waits),
  ];
  assert.deepEqual(await Promise.all(all), ["1", "2", "x"]);
  const ours = log.filter((line) => !line.startsWith("x"));
  assert.deepEqual(
    ours.map((line) => line.split(" ")[1]),
    ["begins", "ends", "begins", "ends"],
  );
  assert.equal(waited, 1);
});

test("a work that throws lets go", async () => {
  const name = `test-${process.pid}-b`;
  await assert.rejects(
    oneAtATime(name, () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await oneAtATime(name, () => Promise.resolve("after")), "after");
});

test("a killed holder leaves nothing behind, and whoever waits goes on", { timeout: 20_000 }, async () => {
  const name = `test-${process.pid}-c`;
  const script = `const { oneAtATime } = await import(${JSON.stringify(module)});
    await oneAtATime(${JSON.stringify(name)}, () => { console.log("held"); return new Promise((r) => setTimeout(r, 60000)); });`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  assert.equal(await tryHold(name), undefined);
  const waiting = oneAtATime(name, () => Promise.resolve("mine"));
  await sleep(100);
  holder.kill("SIGKILL");
  assert.equal(await waiting, "mine");
});

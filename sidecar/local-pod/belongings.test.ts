import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { belongings, endBelongings, podMark } from "./belongings.ts";

const module = new URL("belongings.ts", import.meta.url).href;

/** A family as a terminal leaves one: a shell that ignores signals, and a job in a session of its own. */
async function family(mark: string) {
  const script = `trap '' TERM HUP; setsid sleep 300 & sleep 300 & echo ready; while :; do wait; done`;
  const child = spawn("/bin/sh", ["-c", script], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { PATH: process.env["PATH"], [podMark]: mark },
  });
  await once(child.stdout, "data");
  return child;
}

test("what belongs to the pod is found and ended, wherever it has gone; nothing else is", async () => {
  const mark = `/pod-${process.pid}-a`;
  await family(mark);
  const neighbour = await family(`${mark}-neighbour`);
  await sleep(100);
  assert.ok(belongings({ [podMark]: mark }).length >= 3);
  await endBelongings({ [podMark]: mark }, 100);
  assert.deepEqual(belongings({ [podMark]: mark }), []);
  assert.ok(belongings({ [podMark]: `${mark}-neighbour` }).includes(neighbour.pid ?? 0));
  await endBelongings({ [podMark]: `${mark}-neighbour` }, 0);
});

test("with the main process killed -9 the switch ends everything that was the pod's", { timeout: 30_000 }, async () => {
  const mark = `/pod-${process.pid}-b`;
  const script = `const { armDeadMansSwitch } = await import(${JSON.stringify(module)});
    armDeadMansSwitch({ ${podMark}: ${JSON.stringify(mark)} });
    console.log("armed");
    setInterval(() => {}, 1000);`;
  const main = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(main.stdout, "data");
  await family(mark);
  main.kill("SIGKILL");
  for (let i = 0; i < 200 && belongings({ [podMark]: mark }).length > 0; i++) await sleep(50);
  assert.deepEqual(belongings({ [podMark]: mark }), []);
});

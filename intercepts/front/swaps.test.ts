import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { startLoad } from "../../e2e/load.ts";
import { openPod } from "../testing/open-pod.ts";
import { openRawClient, pause } from "../testing/open-router.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
const pidIn = (answer: string) => answer.split("\r\n").at(-1);

test("ten swaps under 100 requests/s: none fails, and there is always a process that serves", async (t) => {
  const pod = await openPod(t, { swap: true });
  const url = `http://127.0.0.1:${pod.port}/`;
  const loads = [
    startLoad(url, 40),
    startLoad(url, 30, { keepAlive: true }),
    startLoad(url, 30, { keepAlive: true, echo: "a body ".repeat(3000) }),
  ];
  t.after(() => Promise.all(loads.map((load) => load.stop())));
  for (let i = 0; i < 10; i++) {
    const record = await pod.restart();
    assert.deepEqual([record.outcome, record.swapped, record.left], ["served", true, undefined], record.message);
    await pause(50);
  }
  for (const load of loads) {
    const { sent, failed, failures, slowest } = await load.stop();
    t.diagnostic(`${sent} requests, slowest ${Math.round(slowest)} ms`);
    assert.ok(sent > 20);
    assert.equal(failed, 0, JSON.stringify(failures));
  }
  assert.equal(pod.controller.status()[0]?.restarts.process, 10);
  assert.equal(pod.controller.history().length, 10, "no restart that nobody asked for");
  assert.deepEqual(pod.errors, []);
});

test("a broken version: it is said, with its exit, and the old process answers all the while and after", async (t) => {
  const pod = await openPod(t, { swap: true });
  const before = pidIn(await openRawClient(t, pod.port, get("/")).ended());
  const load = startLoad(`http://127.0.0.1:${pod.port}/`, 100);
  t.after(() => load.stop());
  await writeFile(pod.brokenFile, "");
  const record = await pod.restart();
  assert.deepEqual([record.outcome, record.exit?.code], ["crashed", 1]);
  assert.match(record.message ?? "", /the old one goes on serving/);
  await rm(pod.brokenFile);
  assert.equal((await load.stop()).failed, 0);
  assert.equal(pidIn(await openRawClient(t, pod.port, get("/")).ended()), before);
  assert.equal((await pod.restart()).outcome, "served", "the fixed one takes over");
  assert.notEqual(pidIn(await openRawClient(t, pod.port, get("/")).ended()), before);
});

test("what is in flight ends on the old process, which is stopped only then; new requests don't wait for it", async (t) => {
  const pod = await openPod(t, { swap: true });
  const old = pidIn(await openRawClient(t, pod.port, get("/")).ended());
  const begun = openRawClient(t, pod.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf ");
  await begun.sees(/half \r\n$/);
  const restarted = pod.restart();
  for (;;) {
    const answer = pidIn(await openRawClient(t, pod.port, get("/")).ended());
    if (answer !== old) break;
    await pause(10);
  }
  assert.equal(pod.controller.status()[0]?.phase, "restarting", "the old one isn't stopped yet");
  begun.socket.write("whole");
  await begun.sees(/whole\r\n0\r\n\r\n$/);
  assert.equal((await restarted).outcome, "served");
});

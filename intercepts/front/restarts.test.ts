import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { startLoad } from "../../e2e/load.ts";
import { openPod } from "../testing/open-pod.ts";
import { openRawClient, pause } from "../testing/open-router.ts";

// The promise, on the real supervisor: nobody notices a requested process restart.

test("thirty process restarts under 200 requests/s: none fails, on new and kept connections, with bodies too", async (t) => {
  const pod = await openPod(t);
  const url = `http://127.0.0.1:${pod.port}/`;
  const loads = [
    startLoad(url, 70),
    startLoad(url, 70, { keepAlive: true }),
    startLoad(url, 60, { keepAlive: true, echo: "a body ".repeat(3000) }),
  ];
  t.after(() => Promise.all(loads.map((load) => load.stop())));
  for (let i = 0; i < 30; i++) {
    const record = await pod.restart();
    assert.equal(record.outcome, "served", record.message);
    assert.equal(record.left, undefined);
    assert.ok(record.drained !== undefined && record.stopped !== undefined && record.drained <= record.stopped);
    await pause(30);
  }
  for (const load of loads) {
    const { sent, failed, failures, slowest } = await load.stop();
    t.diagnostic(`${sent} requests, slowest ${Math.round(slowest)} ms`);
    assert.ok(sent > 100);
    assert.equal(failed, 0, JSON.stringify(failures));
  }
  assert.deepEqual(pod.errors, []);
});

test("a chunked upload in flight is let through before the old process is stopped", async (t) => {
  const pod = await openPod(t);
  const upload = request({ port: pod.port, method: "POST", agent: false });
  upload.write("first ");
  const [answer] = (await once(upload, "response")) as [IncomingMessage];
  let text = "";
  answer.setEncoding("utf8").on("data", (more: string) => (text += more));
  const restarted = pod.restart();
  await pause(150);
  assert.equal(pod.controller.status()[0]?.phase, "restarting");
  upload.end("last");
  await once(answer, "end");
  assert.equal(text, "first last");
  const record = await restarted;
  assert.equal(record.outcome, "served");
  assert.ok((record.drained ?? 0) >= 100, "it waited for the upload");
});

test("an answer in flight is let through, and a request that comes meanwhile is the new process's", async (t) => {
  const pod = await openPod(t);
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  const slow = openRawClient(t, pod.port, head("/slow"));
  await pause(50);
  const restarted = pod.restart();
  await pause(20);
  const meanwhile = openRawClient(t, pod.port, head("/"));
  const [first, second] = [await slow.ended(), await meanwhile.ended()];
  assert.match(first, /^HTTP\/1\.1 200 /);
  assert.match(second, /^HTTP\/1\.1 200 /);
  const pid = (text: string) => text.split("\r\n").at(-1);
  assert.notEqual(pid(first), pid(second));
  assert.equal((await restarted).outcome, "served");
});

test("an upload that doesn't end holds a restart for the drain's time, no longer, and is named in the record", async (t) => {
  const pod = await openPod(t, { drainMs: 200 });
  openRawClient(t, pod.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  await pause(50);
  const record = await pod.restart();
  assert.deepEqual([record.outcome, record.left], ["served", 1]);
});

test("a WebSocket stays on the old process until that ends, and is closed with the code for a restart", async (t) => {
  const pod = await openPod(t);
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const client = openRawClient(
    t,
    pod.port,
    `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await client.sees(/hello$/);
  assert.equal((await pod.restart()).outcome, "served");
  assert.ok((await client.ended()).endsWith("\x88\x02\x03\xf4"), "close frame 1012");
});

test("an app that was killed: what is in flight and idempotent is asked again of the process that follows", async (t) => {
  const pod = await openPod(t);
  const client = openRawClient(t, pod.port, "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await pause(50);
  process.kill(pod.controller.status()[0]?.pid ?? 0, "SIGKILL");
  while (pod.controller.status()[0]?.phase !== "crashed") await pause(2);
  assert.equal((await pod.restart()).outcome, "served");
  assert.match(await client.ended(), /^HTTP\/1\.1 200 /);
});

test("without a front behind the socket a restart goes on, and says that nobody held", async (t) => {
  const pod = await openPod(t);
  await pod.front.close();
  const record = await pod.restart();
  assert.deepEqual([record.outcome, record.drained], ["served", undefined]);
  assert.match(String(pod.errors[0]), /can't be held: requests may fail during this restart/);
});

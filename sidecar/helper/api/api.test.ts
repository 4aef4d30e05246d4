import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdir, stat, writeFile } from "node:fs/promises";
import { request as ask } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openHelper } from "../testing/open-helper.ts";
import type { OpenHelper } from "../testing/open-helper.ts";

const socketHeaders: [string, string][] = [["Host", "inpod"]];
const get = async (helper: OpenHelper, path: string) => {
  const { status, body } = await helper.ask({ path, headers: socketHeaders });
  return { status, body: JSON.parse(body) };
};
const post = async (helper: OpenHelper, path: string, given: unknown) => {
  const headers: [string, string][] = [...socketHeaders, ["Content-Type", "application/json"]];
  const body = typeof given === "string" ? given : JSON.stringify(given);
  const answer = await helper.ask({ method: "POST", path, headers, body });
  return { status: answer.status, body: JSON.parse(answer.body) };
};

test("status: the apps, the IDE's phase, what it reported", async (t) => {
  const helper = await openHelper(t);
  while ((await get(helper, "/-/api/status")).body.ide.phase !== "running") await sleep(20);
  assert.equal((await post(helper, "/-/api/ide", { dirtyFiles: 3 })).status, 200);
  const { body } = await get(helper, "/-/api/status");
  assert.equal(body.app[0].name, "app");
  assert.equal(body.release, "cart");
  assert.equal(body.source.dirtyFiles, 3);
});

test("a restart is accepted with 202, found by its id, and waited for to its end", async (t) => {
  const helper = await openHelper(t);
  const { status, body } = await post(helper, "/-/api/restart", { id: "chosen-by-me", app: "app", how: "process" });
  assert.equal(status, 202);
  assert.deepEqual(body, { id: "chosen-by-me", app: "app", how: "process" });
  assert.deepEqual(helper.controller.asked, [{ id: "chosen-by-me", app: "app", how: "process" }]);
  const now = await get(helper, "/-/api/restarts/chosen-by-me?wait=50");
  assert.equal(now.body.outcome, undefined);
  const end = get(helper, "/-/api/restarts/chosen-by-me?wait=5000");
  await sleep(50);
  helper.controller.put({ ...now.body, outcome: "served", served: 40 });
  assert.equal((await end).body.served, 40);
  assert.equal((await get(helper, "/-/api/restarts")).body.restarts.length, 1);
  assert.equal((await get(helper, "/-/api/restarts/nobody-knows")).status, 404);
});

test("a request that isn't right is refused with the value in a sentence, and asks nothing of the controller", async (t) => {
  const helper = await openHelper(t);
  const wrong: [unknown, RegExp][] = [
    [{ ap: "app" }, /ap is unknown/],
    [{ app: 7 }, /app.*7/],
    [{ how: "gently" }, /how.*gently/],
    [{ id: "short" }, /id/],
    [{ timeoutMs: -1 }, /timeoutMs.*-1/],
    [{ now: "yes" }, /now.*yes/],
    ["not json", /isn't JSON/],
    ["[]", /isn't a JSON object/],
    ["null", /isn't a JSON object/],
  ];
  for (const [given, words] of wrong) {
    const { status, body } = await post(helper, "/-/api/restart", given);
    assert.equal(status, 400, JSON.stringify(given));
    assert.equal(body.code, "INPOD_REQUEST_INVALID");
    assert.match(body.detail, words);
  }
  assert.deepEqual(helper.controller.asked, []);
  const unknown = await post(helper, "/-/api/restart", { app: "ap" });
  assert.equal(unknown.status, 404);
  assert.match(JSON.stringify(unknown.body), /INPOD_APP_UNKNOWN.*name one of: app/);
  for (const path of ["/-/api/logs?limit=many", "/-/api/logs?after=-1", "/-/api/restarts/x?wait=soon"])
    assert.equal((await get(helper, path)).status, 400, path);
  assert.equal((await get(helper, "/-/api/logs?app=ap")).body.code, "INPOD_APP_UNKNOWN");
});

test("bodies are bounded", async (t) => {
  const helper = await openHelper(t);
  const large = await post(helper, "/-/api/restart", JSON.stringify({ app: "a".repeat(70_000) }));
  assert.equal(large.status, 413);
  const cookie = await helper.logIn();
  const answer = await helper.post("/-/api/restart", { app: "a".repeat(70_000) }, [["Cookie", cookie]]);
  assert.equal(answer.status, 413);
});

interface Stream {
  readonly events: { type: string; data: Record<string, unknown> }[];
  readonly answer: IncomingMessage;
  until(type: string): Promise<Record<string, unknown>>;
}

async function openEvents(helper: OpenHelper): Promise<Stream> {
  const asked = ask({ socketPath: helper.paths.apiSocket, path: "/-/api/events", headers: { Host: "inpod" } }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const events: Stream["events"] = [];
  let text = "";
  answer.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (type !== undefined && data !== undefined) events.push({ type, data: JSON.parse(data) });
    }
  });
  return {
    events,
    answer,
    async until(type) {
      for (;;) {
        const found = events.findIndex((event) => event.type === type);
        if (found !== -1) return events.splice(found, 1)[0]?.data ?? {};
        await sleep(10);
      }
    },
  };
}

test("events: the status at once, then restarts and log lines as they come", async (t) => {
  const helper = await openHelper(t);
  const stream = await openEvents(helper);
  assert.match(String(stream.answer.headers["content-type"]), /^text\/event-stream/);
  assert.equal((await stream.until("status"))["status"] !== undefined, true);
  await post(helper, "/-/api/restart", { app: "app", id: "by-event" });
  assert.equal(((await stream.until("restart"))["restart"] as { id: string }).id, "by-event");
  await mkdir(helper.paths.appDir("app"), { recursive: true });
  await appendFile(helper.paths.log("app"), "hello from the app\n");
  assert.equal(((await stream.until("log"))["line"] as { text: string }).text, "hello from the app");
  const { body } = await get(helper, "/-/api/logs?app=app&limit=1");
  assert.equal(body.lines[0].text, "hello from the app");
  assert.deepEqual((await get(helper, `/-/api/logs?after=${body.lines[0].seq}`)).body.lines, []);
  stream.answer.destroy();
});

test("event streams are bounded in number, and one that isn't read is cut off", { timeout: 60_000 }, async (t) => {
  const helper = await openHelper(t);
  const streams = await Promise.all(Array.from({ length: 50 }, () => openEvents(helper)));
  assert.equal((await get(helper, "/-/api/events")).status, 503);
  for (const { answer } of streams) answer.destroy();
  await sleep(100);
  const lazy = connect(helper.paths.apiSocket);
  lazy.on("error", () => {});
  lazy.write("GET /-/api/events HTTP/1.1\r\nHost: inpod\r\n\r\n");
  await once(lazy, "readable");
  const closed = once(lazy, "close");
  const record = {
    id: "x",
    app: "app",
    how: "process",
    origin: "request",
    asked: 0,
    message: "m".repeat(100_000),
  } as const;
  for (let i = 0; i < 60; i++) helper.controller.put({ ...record, askedAt: "2026-01-01T00:00:00.000Z" });
  await sleep(200);
  lazy.resume();
  await closed;
});

test("the socket is for the group, replaces a stale one, and goes with the helper", async (t) => {
  const helper = await openHelper(t);
  assert.equal((await stat(helper.paths.apiSocket)).mode & 0o777, 0o660);
  await helper.restartHelper();
  assert.equal((await get(helper, "/-/api/status")).status, 200);
  // What a killed helper leaves: a socket file that nobody listens on.
  await helper.close();
  const left = createServer().listen(helper.paths.apiSocket);
  await once(left, "listening");
  const { rename } = await import("node:fs/promises");
  await rename(helper.paths.apiSocket, `${helper.paths.apiSocket}.kept`);
  left.close();
  await writeFile(helper.paths.apiSocket, "");
  await helper.restartHelper();
  assert.equal((await get(helper, "/-/api/status")).status, 200);
});

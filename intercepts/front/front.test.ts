import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openRawApp, openRawClient, pause } from "../testing/open-router.ts";
import { FrontConfigError, parseFrontConfig } from "./config.ts";
import { startFront } from "./front.ts";

async function openFront(t: TestContext, ...targets: readonly number[]) {
  const folder = await mkdtemp(join(tmpdir(), "inpod-front-"));
  const socket = join(folder, "run", "front.sock");
  const env = { INPOD_FRONT_PORT: "0", INPOD_FRONT_TARGETS: targets.join(","), INPOD_FRONT_SOCKET: socket };
  const front = await startFront(parseFrontConfig(env));
  t.after(async () => {
    await front.close();
    await rm(folder, { recursive: true });
  });
  const call = (method: string, path: string, body?: unknown) =>
    new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
      const ask = request({ socketPath: socket, method, path, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (more: string) => (text += more));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }));
      });
      ask.on("error", reject);
      ask.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
    });
  return { ...front, socket, call };
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("hold, status, release, by the socket; what came meanwhile is answered", async (t) => {
  const app = await openRawApp(t);
  const { port, call, socket } = await openFront(t, app.port);
  assert.equal((await stat(socket)).mode & 0o777, 0o660);
  assert.deepEqual((await call("POST", "/hold", { timeoutMs: 5000 })).body, { left: 0, waiting: 0 });
  const client = openRawClient(t, port, get);
  for (;;) {
    const { body } = await call("GET", "/status");
    assert.equal(body["held"], true);
    if ((body["waiting"] as { requests: number }).requests === 1) break;
    await pause(5);
  }
  assert.deepEqual((await call("POST", "/release", {})).body, { port: app.port, left: 0 });
  await client.sees(/200 OK/);
});

test("a drain that takes too long tells what is left; a release to another port drains the old one", async (t) => {
  const slow = await openRawApp(t, () => {});
  const fresh = await openRawApp(t);
  const { port, call } = await openFront(t, slow.port, fresh.port);
  openRawClient(t, port, get);
  while (slow.connections() === 0) await pause(5);
  assert.deepEqual((await call("POST", "/hold", { timeoutMs: 5000, drainMs: 50 })).body, { left: 1, waiting: 0 });
  const moved = await call("POST", "/release", { port: fresh.port, drainMs: 50 });
  assert.deepEqual(moved.body, { port: fresh.port, left: 1 });
  await openRawClient(t, port, get).sees(/200 OK/);
  assert.equal(fresh.connections(), 1);
});

test("a front that is started again sends where the one before it was moved to", async (t) => {
  const [first, second] = [await openRawApp(t), await openRawApp(t)];
  const { socket, ...front } = await openFront(t, first.port, second.port);
  await front.call("POST", "/release", { port: second.port });
  await front.close();
  const env = {
    INPOD_FRONT_PORT: "0",
    INPOD_FRONT_TARGETS: `${first.port},${second.port}`,
    INPOD_FRONT_SOCKET: socket,
  };
  const again = await startFront(parseFrontConfig(env));
  t.after(() => again.close());
  await openRawClient(t, again.port, get).sees(/200 OK/);
  assert.deepEqual([first.connections(), second.connections()], [0, 1]);
});

test("bad input gets a sentence and changes nothing", async (t) => {
  const app = await openRawApp(t);
  const { call } = await openFront(t, app.port);
  for (const [path, body, status] of [
    ["/hold", {}, 400],
    ["/hold", { timeoutMs: -1 }, 400],
    ["/hold", { timeoutMs: 1e9 }, 400],
    ["/hold", { timeoutMs: 1, drian: 1 }, 400],
    ["/hold", "{", 400],
    ["/hold", "x".repeat(5000), 413],
    ["/release", { port: 70_000 }, 400],
    ["/release", { port: 1 }, 400],
    ["/open", {}, 404],
  ] as const) {
    const answer = await call("POST", path, body);
    assert.equal(answer.status, status, JSON.stringify(body).slice(0, 80));
    assert.match(String(answer.body["code"]), /^INPOD_FRONT_/);
  }
  const { body } = await call("GET", "/status");
  assert.deepEqual([body["held"], body["port"]], [false, app.port]);
});

test("settings: all problems at once, with the value and what it must be", () => {
  const problems = (env: Record<string, string>) => {
    try {
      parseFrontConfig(env);
    } catch (error) {
      assert.ok(error instanceof FrontConfigError);
      return error.message;
    }
    return "";
  };
  assert.match(problems({}), /INPOD_FRONT_TARGETS is missing/);
  const said = problems({ INPOD_FRONT_TARGETS: "0", INPOD_FRONT_PROTOCOL: "udp", INPOD_FRONT_PROT: "x" });
  assert.match(said, /INPOD_FRONT_TARGETS is "0": it must be a port, or two with a comma\./);
  assert.match(said, /INPOD_FRONT_PROTOCOL is "udp": it must be http or tcp\./);
  assert.match(said, /INPOD_FRONT_PROT is no setting/);
  assert.match(problems({ INPOD_FRONT_TARGETS: "7780" }), /would send to itself/);
});

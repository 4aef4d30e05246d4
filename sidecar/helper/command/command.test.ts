import assert from "node:assert/strict";
import { once } from "node:events";
import { request as ask } from "node:http";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { openHelper } from "../testing/open-helper.ts";
import type { OpenHelper } from "../testing/open-helper.ts";

interface Ran {
  readonly out: string;
  readonly err: string;
  /** Undefined when the answer broke off. */
  readonly code: number | undefined;
}

/** Puts the pieces together as `kit ask` does. */
function read(answer: string): Ran {
  const got = { out: "", err: "" };
  let rest = Buffer.from(answer);
  for (;;) {
    const end = rest.indexOf("\n");
    const [kind, number] = rest.subarray(0, Math.max(0, end)).toString().split(" ");
    if (end === -1 || number === undefined) return { ...got, code: undefined };
    if (kind === "p") {
      got.err += `owners of ${number}\n`;
      rest = rest.subarray(end + 1);
      continue;
    }
    if (kind === "x") return { ...got, code: Number(number) };
    const text = rest.subarray(end + 1, end + 1 + Number(number)).toString();
    if (kind === "o") got.out += text;
    else got.err += text;
    rest = rest.subarray(end + 1 + Number(number));
  }
}

const command = (given: object) => ({
  method: "POST",
  path: "/-/api/command",
  headers: [
    ["Host", "inpod"],
    ["Content-Type", "application/json"],
  ] as [string, string][],
  body: JSON.stringify({ id: "some-id-1", name: "restart", words: [], colour: false, ...given }),
});

const runIn = async (helper: OpenHelper, given: object) => {
  const { method, path, headers, body } = command(given);
  const socketPath = helper.paths.apiSocket;
  const asked = ask({ socketPath, method, path, headers: Object.fromEntries(headers) }).end(body);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += String(chunk);
  return { status: answer.statusCode, ...read(text) };
};

const record = {
  id: "some-id-1",
  app: "app",
  how: "process",
  origin: "request",
  askedAt: "2026-01-01T00:00:00.000Z",
  asked: 0,
} as const;

test("restart is run to its end, under the id that it was asked with", async (t) => {
  const helper = await openHelper(t);
  const running = runIn(helper, { words: ["app", "--now"] });
  while (helper.controller.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  helper.controller.put({ ...record, stopped: 10, served: 40, outcome: "served" });
  const { code, out, err } = await running;
  assert.equal(code, 0);
  assert.match(out, /^app: process restart served in 40 ms .*port closed for 30 ms\n$/);
  assert.match(err, /process restart asked/);
  assert.deepEqual(helper.controller.asked, [
    { id: "some-id-1", app: "app", how: "auto", now: true, timeoutMs: 30_000 },
  ]);
});

test("what the helper refuses, and wrong usage, have the words and the exit code of the terminal's own", async (t) => {
  const helper = await openHelper(t);
  const cases: [object, number, RegExp][] = [
    [{ words: ["ap"] }, 2, /there is no app "ap" here[\s\S]*name one of: app/],
    [{ words: ["--timeout", "soon"] }, 2, /soon/],
    [{ words: ["--timeout", "1ms"] }, 2, /timeoutMs/],
    [{ words: ["--frobnicate"] }, 2, /frobnicate/],
    [{ name: "inpod", words: ["restart", "--container", "--process"] }, 2, /--process|--container/],
  ];
  for (const [given, code, words] of cases) {
    const ran = await runIn(helper, given);
    assert.equal(ran.code, code, JSON.stringify(given));
    assert.match(ran.err, words);
  }
});

test("a restart that isn't served has the kit name who holds the port", async (t) => {
  const helper = await openHelper(t);
  const running = runIn(helper, {});
  while (helper.controller.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  helper.controller.put({ ...record, outcome: "timeout", message: "nothing listens on port 8080 yet" });
  const { code, out, err } = await running;
  assert.equal(code, 3);
  assert.match(out, /timed out: nothing listens/);
  assert.match(err, /owners of 8080/);
});

test("inpod status and restarts are run too", async (t) => {
  const helper = await openHelper(t);
  const status = await runIn(helper, { name: "inpod", words: ["status", "--json"] });
  assert.equal(JSON.parse(status.out).release, "cart");
  assert.equal(status.code, 0);
  helper.controller.put({ ...record, served: 40, outcome: "served" });
  assert.match((await runIn(helper, { name: "inpod", words: ["restarts"] })).out, /served in 40 ms/);
});

test("nothing else is run here", async (t) => {
  const helper = await openHelper(t);
  for (const words of [
    [],
    ["logs", "-f"],
    ["completion", "bash"],
    ["--help"],
    ["restart", "--help"],
    ["version"],
    ["-V"],
  ]) {
    const { status, out } = await runIn(helper, { name: "inpod", words });
    assert.deepEqual([status, out], [404, ""], words.join(" "));
  }
  for (const given of [{ name: "sh" }, { id: "x" }, { words: "app" }, { words: Array(65).fill("a") }, { cwd: "/" }])
    assert.equal((await helper.ask(command(given))).status, 400, JSON.stringify(given));
  assert.deepEqual(helper.controller.asked, []);
});

test("who goes away is not waited for, and the restart goes on", async (t) => {
  const helper = await openHelper(t);
  const { method, path, headers, body } = command({});
  const socketPath = helper.paths.apiSocket;
  const asked = ask({ socketPath, method, path, headers: Object.fromEntries(headers) }).end(body);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  await once(answer, "data");
  answer.destroy();
  await once(answer, "close");
  helper.controller.put({ ...record, served: 40, outcome: "served" });
  assert.equal(helper.controller.find("some-id-1")?.outcome, "served");
  // All of them are let go of: far more than may run at once.
  for (let i = 0; i < 60; i++) assert.equal((await runIn(helper, { name: "inpod", words: ["status"] })).code, 0);
  assert.deepEqual(helper.said, []);
});

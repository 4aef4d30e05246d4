import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { createSourceClient, SourceGone, SourceRefusal } from "./source-client.ts";

/** An agent that answers as told, on a real socket: it runs as the IDE's user, who may put anything there. */
async function agent(t: TestContext, answer: RequestListener) {
  const home = await mkdtemp(join(tmpdir(), "inpod-agent-"));
  const path = join(home, "source.sock");
  const server = createServer(answer);
  server.listen(path);
  await once(server, "listening");
  const client = createSourceClient(path);
  t.after(async () => {
    client.close();
    server.closeAllConnections();
    server.close();
    await rm(home, { recursive: true, force: true });
  });
  return client;
}

const json =
  (status: number, body: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
const never = new AbortController().signal;
const what = { id: "restart-1", build: true };
const commit = "a".repeat(40);
const ran = { n: 3, commit, files: 1, insertions: 2, deletions: 0 };

test("what the agent has prepared is passed on, and nothing that we don't know", async (t) => {
  const client = await agent(t, json(200, { build: { ok: true, took: 5, more: 1 }, ran, extra: { x: 1 } }));
  assert.deepEqual(await client.prepare(what, never), { build: { ok: true, took: 5 }, ran });
});

describe("an agent that isn't what it should be", () => {
  for (const [title, body] of [
    ["no JSON", "<html>"],
    ["a build without an end", { build: {} }],
    ["a number that is none", { ran: { ...ran, n: "3" } }],
    ["a commit that is an option", { ran: { ...ran, commit: "--output=/etc/passwd" } }],
    [
      "a flood of problems",
      {
        build: {
          ok: false,
          problems: Array.from({ length: 201 }, () => ({ file: "a", line: 1, severity: "error", message: "x" })),
        },
      },
    ],
    ["a line without end", { build: { ok: false, log: ["x".repeat(2001)] } }],
  ] as const)
    test(`answers ${title}: it counts as none`, async (t) => {
      await assert.rejects((await agent(t, json(200, body))).prepare(what, never), SourceGone);
    });

  test("never stops talking: cut off, with bounded memory", async (t) => {
    const client = await agent(t, (_, response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", pour);
      pour();
    });
    await assert.rejects(client.diff(3, false), SourceGone);
  });

  test("hangs up in the middle, and isn't there at all", async (t) => {
    const client = await agent(t, (_, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("{");
      setTimeout(() => response.destroy(), 20);
    });
    await assert.rejects(client.hold(true), SourceGone);
    await assert.rejects(createSourceClient("/nonexistent/source.sock").kept(1), SourceGone);
  });

  test("says no in words that aren't ours: not passed on", async (t) => {
    for (const [status, body] of [
      [409, { code: "<script>", title: "x" }],
      [302, { code: "INPOD_X", title: "x" }],
      [500, "oops"],
    ] as const)
      await assert.rejects((await agent(t, json(status, body))).kept(1), SourceGone);
    const ours = { code: "INPOD_SOURCE_NOT_GIT", title: "not a git repository", fix: "git init" };
    await assert.rejects(
      (await agent(t, json(409, ours))).kept(1),
      (error: unknown) => error instanceof SourceRefusal && error.status === 409 && error.body.fix === "git init",
    );
  });
});

test("giving up ends the connection, which ends the build", async (t) => {
  const ended = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const client = await agent(t, (_, response) => {
    response.on("close", () => ended.resolve());
    begun.resolve();
  });
  const cancel = new AbortController();
  const asked = client.prepare(what, cancel.signal);
  asked.catch(() => {});
  await begun.promise;
  cancel.abort();
  await ended.promise;
  await assert.rejects(asked, SourceGone);
});

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ApiEvent } from "../../protocol/api.ts";
import { openEventStream } from "./event-stream.ts";

test("hears events, says when the stream is lost, and comes back by itself", { timeout: 20_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "events-"));
  const socketPath = join(folder, "api.sock");
  const answers: ServerResponse[] = [];
  const server = createServer((request, response) => {
    assert.equal(request.url, "/-/api/events?window=window-1");
    answers.push(response);
    // A helper that is coming up may refuse at first.
    if (answers.length === 2) response.writeHead(503).end();
    else response.writeHead(200, { "content-type": "text/event-stream" }).write(line(answers.length));
  });
  const heard: ApiEvent[] = [];
  const lost: string[] = [];
  const stream = openEventStream({
    socketPath,
    window: "window-1",
    heard: (events) => heard.push(...events),
    lost: (problem) => lost.push(problem),
  });
  t.after(async () => {
    stream.close();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  await until(() => lost.length > 0);
  assert.match(lost[0] ?? "", /ENOENT/);
  server.listen(socketPath);
  await until(() => heard.length === 1);
  const before = lost.length;
  answers[0]?.end();
  await until(() => heard.length === 2);
  assert.deepEqual(lost.slice(before), ["the helper ended the stream", "the helper answered 503"]);
  stream.close();
  const tries = answers.length;
  server.closeAllConnections();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(answers.length, tries);
});

const line = (seq: number) => `event: log\ndata: ${JSON.stringify({ line: { seq, app: "web", text: "" } })}\n\n`;

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
}

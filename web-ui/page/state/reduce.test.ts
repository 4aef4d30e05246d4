import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogLine, RestartRecord, Status } from "@inpod/sidecar/protocol";
import { emptyModel, keptLines, type Model, type PageEvent } from "./model.ts";
import { reduce } from "./reduce.ts";

const status = (current?: RestartRecord): Status => ({
  version: "0.1.0",
  release: "hello",
  mode: "sidecar",
  app: [
    {
      name: "app",
      phase: current === undefined ? "running" : "restarting",
      generation: 1,
      how: "process",
      restarts: { process: 0, container: 0 },
      backoff: { waitSeconds: 0 },
      ...(current === undefined ? {} : { current }),
    },
  ],
  ide: { phase: "running" },
  source: { dirtyFiles: null },
});
const record = (id: string, more: Partial<RestartRecord> = {}): RestartRecord => ({
  id,
  app: "app",
  how: "process",
  origin: "request",
  askedAt: `2026-11-21T10:00:0${id}.000Z`,
  asked: 0,
  ...more,
});
const line = (seq: number, app = "app"): LogLine => ({ seq, app, text: `line ${seq}` });
const run = (events: readonly PageEvent[], from: Model = emptyModel) => events.reduce(reduce, from);
const fetched = (more: Partial<Extract<PageEvent, { type: "fetched" }>> = {}): PageEvent => ({
  type: "fetched",
  status: status(),
  restarts: [],
  lines: [],
  now: 1000,
  wall: Date.parse("2026-11-21T10:00:09.000Z"),
  ...more,
});
const ids = (model: Model) => model.restarts.map((one) => one.record.id);
const seqs = (model: Model) => model.lines.map(({ seq }) => seq);

test("a restart's events become one row, newest first, timed from when it was first seen", () => {
  const model = run([
    { type: "restart", restart: record("1"), now: 500 },
    { type: "restart", restart: record("1", { stopped: 100 }), now: 601 },
    { type: "restart", restart: record("1", { stopped: 100, served: 140, outcome: "served" }), now: 641 },
    { type: "restart", restart: record("2", { stopped: 30 }), now: 2000 },
  ]);
  assert.deepEqual(ids(model), ["2", "1"]);
  assert.deepEqual(
    model.restarts.map(({ askedOnPage }) => askedOnPage),
    [1970, 500],
  );
  assert.equal(model.restarts[1]?.record.outcome, "served");
});

test("one that has ended stays ended when an older answer comes late", () => {
  const ended = record("1", { served: 40, outcome: "served" });
  const model = run([
    { type: "restart", restart: ended, now: 1 },
    { type: "status", status: status(record("1")), now: 2 },
    fetched({ restarts: [record("1")] }),
  ]);
  assert.deepEqual(model.restarts[0]?.record, ended);
});

test("a status alone is enough to draw the restart under way", () => {
  assert.deepEqual(ids(run([{ type: "status", status: status(record("3")), now: 5 }])), ["3"]);
});

test("one under way when the page opens goes on from the helper's clock, unless that is absurd", () => {
  const elapsed = (wall: string) => {
    const model = run([fetched({ restarts: [record("1", { stopped: 20 })], wall: Date.parse(wall) })]);
    return 1000 - (model.restarts[0]?.askedOnPage ?? Number.NaN);
  };
  assert.equal(elapsed("2026-11-21T10:00:01.700Z"), 700);
  assert.equal(elapsed("2026-11-21T09:00:00.000Z"), 20);
  assert.equal(elapsed("2026-11-21T19:00:00.000Z"), 20);
});

test("one that ended while the connection was lost is not left under way", () => {
  const model = run([
    { type: "opened" },
    { type: "restart", restart: record("1"), now: 1 },
    { type: "lost" },
    { type: "opened" },
    fetched({ restarts: [] }),
  ]);
  assert.deepEqual(ids(model), []);
});

test("lines that came as events and in the answer are there once, in order", () => {
  const model = run([
    { type: "opened" },
    { type: "lines", lines: [line(4), line(5)] },
    fetched({ lines: [line(1), line(2), line(3), line(4)] }),
    { type: "lines", lines: [line(5), line(6)] },
  ]);
  assert.deepEqual(seqs(model), [1, 2, 3, 4, 5, 6]);
});

test("a helper that counts anew after its own restart is followed", () => {
  const model = run([
    { type: "opened" },
    fetched({ lines: [line(900), line(901)] }),
    { type: "lost" },
    { type: "opened" },
    fetched({ lines: [line(1), line(2)] }),
    { type: "lines", lines: [line(3)] },
  ]);
  assert.deepEqual(seqs(model), [1, 2, 3]);
});

test("two apps count their lines apart", () => {
  const model = run([{ type: "lines", lines: [line(7, "app"), line(1, "worker"), line(7, "app"), line(2, "worker")] }]);
  assert.deepEqual(
    model.lines.map(({ app, seq }) => `${app}${seq}`),
    ["app7", "worker1", "worker2"],
  );
});

test("lines and restarts are bounded", () => {
  const many = Array.from({ length: keptLines + 10 }, (_, i) => line(i));
  const model = run([{ type: "lines", lines: many }]);
  assert.equal(model.lines.length, keptLines);
  assert.equal(model.lines.at(-1)?.seq, keptLines + 9);
  const restarts = Array.from({ length: 60 }, (_, i) =>
    record("0", { id: `r${i}`, askedAt: new Date(i * 1000).toISOString(), outcome: "served" }),
  );
  const rows = run([fetched({ restarts })]).restarts;
  assert.equal(rows.length, 50);
  assert.equal(rows[0]?.record.id, "r59");
});

test("a refusal is shown with its fix and goes with the next request", () => {
  const refused = run([
    { type: "refused", error: { code: "INPOD_X_Y", title: "not now", detail: "a checkout runs", fix: "wait" } },
  ]);
  assert.deepEqual(refused.notice, { tone: "bad", text: "not now: a checkout runs", fix: "wait" });
  assert.equal(run([{ type: "asked" }], refused).notice, undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RestartRecord } from "@inpod/sidecar/protocol";
import { barOf, niceScale, place, scaleOf } from "./geometry.ts";

const record = (more: Partial<RestartRecord>): RestartRecord => ({
  id: "a",
  app: "app",
  how: "process",
  origin: "request",
  askedAt: "2026-11-21T10:00:00.000Z",
  asked: 0,
  ...more,
});
const served = (ms: number, how: "process" | "container" = "process") =>
  barOf(record({ how, stopped: ms / 2, served: ms, outcome: "served" }));

test("a supervised restart has three stretches, and its port is closed in the last two", () => {
  const bar = barOf(record({ stopped: 4, started: 5, served: 41, outcome: "served" }));
  assert.deepEqual(bar.segments, [
    { kind: "old", from: 0, to: 4 },
    { kind: "gone", from: 4, to: 5 },
    { kind: "boot", from: 5, to: 41 },
  ]);
  assert.equal(bar.portClosed, 37);
});

test("where nobody tells when the process started, the closed port is one stretch", () => {
  const bar = barOf(record({ how: "container", stopped: 1380, served: 1464, outcome: "served" }));
  assert.deepEqual(
    bar.segments.map(({ kind }) => kind),
    ["old", "gone"],
  );
  assert.equal(bar.portClosed, 84);
});

test("a process spawned before the port closed: the closed time counts from the closing", () => {
  const bar = barOf(record({ stopped: 10, started: 6, served: 30, outcome: "served" }));
  assert.deepEqual(bar.segments, [
    { kind: "old", from: 0, to: 10 },
    { kind: "boot", from: 10, to: 30 },
  ]);
});

test("a stop that nobody saw is not drawn as a closed port", () => {
  const bar = barOf(record({ served: 30, outcome: "served" }));
  assert.deepEqual(bar.segments, [{ kind: "unknown", from: 0, to: 30 }]);
  assert.equal(bar.portClosed, undefined);
});

test("an app that ended by itself was gone from the first moment", () => {
  const bar = barOf(record({ origin: "itself", started: 3, served: 30, outcome: "served" }));
  assert.deepEqual(bar.segments, [
    { kind: "gone", from: 0, to: 3 },
    { kind: "boot", from: 3, to: 30 },
  ]);
  assert.equal(bar.portClosed, 30);
});

test("one under way grows, and its last stretch is what it is in now", () => {
  assert.deepEqual(barOf(record({}), 200).segments, [{ kind: "old", from: 0, to: 200 }]);
  assert.deepEqual(barOf(record({ stopped: 150 }), 200).segments.at(-1), { kind: "gone", from: 150, to: 200 });
  assert.deepEqual(barOf(record({ stopped: 150, started: 160 }), 200).segments.at(-1), {
    kind: "boot",
    from: 160,
    to: 200,
  });
});

test("a refused one has no bar, one that timed out no end", () => {
  assert.deepEqual(barOf(record({ outcome: "refused" })).segments, []);
  const late = barOf(record({ stopped: 10, started: 11, outcome: "timeout" }));
  assert.equal(late.end, undefined);
  const placed = place(late, { max: 100, ticks: [] });
  assert.equal(placed.cut, true);
  assert.deepEqual(placed.segments.at(-1), { kind: "boot", left: 11, width: 89 });
  const nothing = place(barOf(record({ outcome: "timeout" })), { max: 100, ticks: [] });
  assert.deepEqual(nothing.segments, [{ kind: "unknown", left: 0, width: 100 }]);
});

test("ticks are 1, 2 or 5 times a power of ten, four to eight, and the last bar fits", () => {
  for (const widest of [1, 7, 41, 99, 130, 1464, 35_500, 600_000]) {
    const { max, ticks } = niceScale(widest);
    assert.ok(max >= widest && max <= widest * 1.1, `${widest}: ${max}`);
    assert.ok(ticks.length >= 4 && ticks.length <= 8, `${widest}: ${ticks.join(" ")}`);
    assert.equal(ticks[0], 0);
    assert.match(String(ticks[1]), /^(0\.)?[125]0*$/);
  }
});

test("one restart far off its kind doesn't squeeze the others: it is cut", () => {
  const slow = served(25_000);
  const scale = scaleOf([served(40), served(45), served(60), slow]);
  assert.ok(scale.max < 70);
  assert.equal(place(slow, scale).cut, true);
  assert.equal(place(slow, scale).segments.at(-1)?.width, 100);
});

test("process and container restarts share a scale that holds both kinds", () => {
  const scale = scaleOf([served(40), served(41), served(42), served(1400, "container"), served(900, "container")]);
  assert.ok(scale.max >= 1400 && scale.max < 1600);
});

test("one under way always fits, and an empty timeline has a scale", () => {
  assert.ok(scaleOf([served(40), barOf(record({}), 9000)]).max >= 9000);
  assert.ok(scaleOf([]).max >= 1000);
});

test("segments lie end to end on the scale", () => {
  const { segments, cut } = place(barOf(record({ stopped: 25, started: 50, served: 100, outcome: "served" })), {
    max: 200,
    ticks: [],
  });
  assert.equal(cut, false);
  assert.deepEqual(segments, [
    { kind: "old", left: 0, width: 12.5 },
    { kind: "gone", left: 12.5, width: 12.5 },
    { kind: "boot", left: 25, width: 25 },
  ]);
});

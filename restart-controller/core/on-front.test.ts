import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, initialState, wakeAt } from "./index.ts";
import type { App, AppState, Effect, Event, Request, SupervisorState } from "./index.ts";

const app: App = {
  name: "app",
  port: 8080,
  process: true,
  container: true,
  threshold: 2,
  front: { drainMs: 5000 },
};
const running: SupervisorState = { generation: 1, pid: 7, phase: "running", startedAt: 10 };
const request = (over: Partial<Request> = {}): Event => ({
  kind: "request",
  at: 1000,
  request: { id: "r1", how: "auto", now: false, ready: false, force: false, timeoutMs: 30_000, ...over },
});
const up = (at: number, ...listeners: string[]): Event => ({ kind: "listeners", at, listeners });
const held = (at: number, left: number | null = 0, id = "r1"): Event => ({ kind: "held", at, id, left });
const fresh = (at: number, over: Partial<SupervisorState> = {}): Event => ({
  kind: "supervisor",
  at,
  id: "x",
  state: { ...running, generation: 2, pid: 8, startedAt: at, lastRequest: "r1", ...over },
});

function play(events: readonly Event[], from: AppState = serving) {
  let state = from;
  const effects: Effect[] = [];
  for (const event of events) {
    const decision = decide(app, state, event);
    state = decision.state;
    effects.push(...decision.effects);
  }
  const records = effects.flatMap((effect) => (effect.kind === "record" ? [effect.record] : []));
  const kinds = effects.map((effect) => effect.kind).filter((kind) => kind !== "record");
  return { state, effects, kinds, last: records.at(-1) };
}
const serving = play([up(500, "11"), { kind: "supervisor", at: 500, id: "x", state: running }], initialState).state;

test("a process restart behind a front: hold, then the command, released when served", () => {
  const { kinds, last } = play([request(), held(1040), fresh(1060), up(1080, "12")]);
  assert.deepEqual(kinds, ["hold", "command", "release"]);
  assert.deepEqual([last?.outcome, last?.drained, last?.left, last?.served], ["served", 40, undefined, 80]);
});

test("the supervisor isn't told before the front has drained, and what was left is in the record", () => {
  const asked = play([request()]);
  assert.deepEqual(asked.kinds, ["hold"]);
  assert.deepEqual(asked.effects.at(-1), { kind: "hold", id: "r1", timeoutMs: 31_000, drainMs: 5000 });
  const { last } = play([held(6100, 3), fresh(6200), up(6300, "12")], asked.state);
  assert.deepEqual([last?.drained, last?.left], [5100, 3]);
});

test("a front that can't be asked doesn't stop a restart; it is told to open all the same", () => {
  const { kinds, last } = play([request(), held(1040, null), fresh(1060), up(1080, "12")]);
  assert.deepEqual(kinds, ["hold", "command", "release"]);
  assert.deepEqual([last?.outcome, last?.drained], ["served", undefined]);
});

const ends: Readonly<Record<string, readonly Event[]>> = {
  "a version that dies at boot": [held(1010), fresh(1020, { phase: "crashed", pid: 0 })],
  "one that never listens": [held(1010), fresh(1020), up(1030), { kind: "tick", at: 40_000 }],
  "a supervisor that doesn't obey": [held(1010), { kind: "tick", at: 40_000 }],
  "a control file that can't be written": [held(1010), { kind: "failed", at: 1020, why: "nobody reads it" }],
  "a front that never answers": [{ kind: "tick", at: 40_000 }],
};
for (const [name, events] of Object.entries(ends)) {
  test(`${name}: the front opens when the restart has ended`, () => {
    const { kinds, state } = play([request(), ...events]);
    assert.equal(kinds.at(-1), "release");
    assert.equal(kinds.filter((kind) => kind === "release").length, 1);
    assert.equal(state.phase.kind, "idle");
  });
}

test("--ready: released as soon as it is served, not when it is ready", () => {
  const { kinds, state } = play([request({ ready: true }), held(1040), fresh(1060), up(1080, "12")]);
  assert.equal(kinds.at(-1), "release");
  assert.equal(state.phase.kind, "settling");
});

test("--now doesn't wait for anybody; a short time-out leaves half of itself for the restart", () => {
  const drain = (over: Partial<Request>) => play([request(over)]).effects.find((effect) => effect.kind === "hold");
  assert.equal(drain({ now: true })?.drainMs, 0);
  assert.equal(drain({ timeoutMs: 2000 })?.drainMs, 1000);
});

test("a request while it drains is merged: its process will be younger", () => {
  const asked = play([request()]);
  const { reply } = decide(app, asked.state, request({ id: "r2" }));
  assert.deepEqual(reply, { kind: "merged", into: "r1", how: "process" });
});

test("an answer to an earlier hold isn't taken for this one's", () => {
  assert.deepEqual(play([request(), held(1010, 0, "r0")]).kinds, ["hold"]);
});

test("a restart right after another lets those in that waited, then holds again", () => {
  const first = play([request(), held(1010), fresh(1020), up(1030)]);
  const { kinds } = play([request({ id: "r2" }), up(1080, "12")], first.state);
  assert.deepEqual(kinds, ["release", "hold"]);
});

test("a container restart and an app that ends by itself leave the front alone", () => {
  assert.deepEqual(play([request({ how: "container" })]).kinds, ["remove-liveness"]);
  assert.deepEqual(play([fresh(2000, { phase: "crashed", pid: 0 }), fresh(3000), up(3010, "12")]).kinds, []);
});

test("a controller that begins where another died: it holds again, or opens what nobody holds any more", () => {
  assert.deepEqual(play([{ kind: "resumed", at: 1500 }], play([request()]).state).kinds, ["hold"]);
  assert.deepEqual(play([{ kind: "resumed", at: 1500 }]).kinds, ["release"]);
});

test("while it drains the policy wants to be woken at the deadline", () => {
  assert.equal(wakeAt(app, play([request()]).state.phase), 31_000);
});

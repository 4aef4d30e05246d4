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
  swap: { ports: [8081, 8082] },
};
const old: SupervisorState = { generation: 1, pid: 7, phase: "running", startedAt: 10, port: 8081 };
const beside = { pid: 8, port: 8082, phase: "running" } as const;
const request = (over: Partial<Request> = {}): Event => ({
  kind: "request",
  at: 1000,
  request: { id: "r1", how: "auto", now: false, ready: false, force: false, timeoutMs: 30_000, ...over },
});
const up = (at: number, port: number, ...listeners: string[]): Event => ({ kind: "listeners", at, listeners, port });
const says = (at: number, state: SupervisorState): Event => ({ kind: "supervisor", at, id: "x", state });
const moved = (at: number, left: number | null = 0, id = "r1"): Event => ({ kind: "moved", at, id, left });
const taken = { ...old, generation: 2, pid: 8, startedAt: 1010, port: 8082 };

function play(events: readonly Event[], from: AppState = serving) {
  let state = from;
  const effects: Effect[] = [];
  for (const event of events) {
    const decision = decide(app, state, event);
    state = decision.state;
    effects.push(...decision.effects);
  }
  const records = effects.flatMap((effect) => (effect.kind === "record" ? [effect.record] : []));
  const told = effects.flatMap((effect) =>
    effect.kind === "command" ? [effect.line] : effect.kind === "move" ? [`move ${effect.port}`] : [],
  );
  return { state, effects, told, last: records.at(-1) };
}
const serving = play([says(500, old), up(510, 8081, "11"), up(510, 8082)], initialState).state;
const swapping = play([request(), says(1010, { ...old, beside })]).state;
const moving = play([up(1030, 8082, "12")], swapping).state;

test("beside, moved, committed: the old one serves until the new one listens, and ends when nobody is left there", () => {
  const { told, last, state } = play([
    request(),
    says(1010, { ...old, beside }),
    up(1030, 8082, "12"),
    moved(1050),
    says(1060, taken),
  ]);
  assert.deepEqual(told, ["swap id=r1", "move 8082", "commit id=r1"]);
  assert.deepEqual(
    [last?.outcome, last?.swapped, last?.started, last?.served, last?.drained, last?.stopped],
    ["served", true, 10, 30, 50, 60],
  );
  assert.deepEqual([state.listeners, state.generation, state.restarts.process], [["12"], 2, 1]);
  assert.equal(play([up(1070, 8081)], state).last, undefined, "the old one's end is no restart of its own");
});

test("the next one goes back to the first port", () => {
  const after = play([moved(1050), says(1060, taken), up(1070, 8081)], moving).state;
  const back = { pid: 9, port: 8081, phase: "running" } as const;
  const { told } = play([request({ id: "r2" }), says(2010, { ...taken, beside: back }), up(2030, 8081, "13")], after);
  assert.deepEqual(told, ["swap id=r2", "move 8081"]);
});

test("what listened on the spare port before isn't taken for the new process", () => {
  const stale = play([up(600, 8082, "99")]).state;
  const asked = play([request(), says(1010, { ...old, beside })], stale);
  assert.deepEqual(asked.told, ["swap id=r1"]);
  assert.deepEqual(play([up(1020, 8082), up(1030, 8082, "12")], asked.state).told, ["move 8082"]);
});

test("a version that dies at boot is aborted and said; the old one was never touched", () => {
  const exit = { code: 1, signal: null };
  const { told, last, state } = play([says(1040, { ...old, beside: { ...beside, phase: "crashed", exit } })], swapping);
  assert.deepEqual(told, ["abort id=r1"]);
  assert.equal(last?.outcome, "crashed");
  assert.match(
    last?.message ?? "",
    /the new version exited with code 1 before it took over: the old one goes on serving/,
  );
  assert.deepEqual(last?.exit, exit);
  assert.deepEqual([state.listeners, state.generation, state.restarts.process], [["11"], 1, 0]);
});

test("an old one that dies meanwhile takes the new one with it: said at once, not at the deadline", () => {
  const { last, state } = play(
    [says(1040, { ...old, phase: "crashed", lastExit: { code: 3, signal: null } })],
    swapping,
  );
  assert.equal(last?.outcome, "crashed");
  assert.match(last?.message ?? "", /exited with code 3 while its successor was being started/);
  assert.equal(state.phase.kind, "idle");
});

test("one that dies while the front moves: requests go back to the old one", () => {
  const { told, last } = play([says(1040, { ...old, beside: { ...beside, phase: "crashed" } })], moving);
  assert.deepEqual(told, ["move 8081", "abort id=r1"]);
  assert.deepEqual([last?.outcome, last?.served], ["crashed", undefined]);
});

test("one that never listens, and a front that can't be asked, leave the old one serving", () => {
  const late = play([{ kind: "tick", at: 40_000 }], swapping);
  assert.deepEqual([late.told, late.last?.outcome], [["abort id=r1"], "timeout"]);
  const lost = play([moved(1050, null)], moving);
  assert.deepEqual([lost.told, lost.last?.outcome], [["move 8081", "abort id=r1"], "refused"]);
});

test("requests left at the old one are in the record; an old one that doesn't end doesn't hold the answer for ever", () => {
  const committing = play([moved(6050, 2)], moving);
  assert.deepEqual(committing.told, ["commit id=r1"]);
  const { last } = play([{ kind: "tick", at: 40_000 }], committing.state);
  assert.deepEqual([last?.outcome, last?.left], ["served", 2]);
});

test("--now, a crashed app and a supervisor that knows no swap are restarted in place", () => {
  const kinds = (from: AppState, over: Partial<Request> = {}) => play([request(over)], from).effects.at(-1)?.kind;
  assert.equal(kinds(serving, { now: true }), "hold");
  assert.equal(kinds(play([says(600, { ...old, phase: "crashed" })]).state), "hold");
  const { port: _, ...unknowing } = old;
  assert.equal(kinds(play([says(600, unknowing)]).state), "hold");
});

test("a request before the new process was seen is answered by it; a later one by another swap", () => {
  const early = decide(app, play([request()]).state, request({ id: "r2" }));
  assert.deepEqual(early.reply, { kind: "merged", into: "r1", how: "process" });
  assert.equal(decide(app, swapping, request({ id: "r2" })).reply?.kind, "accepted");
  const { told } = play([request({ id: "r2" }), moved(1050), says(1060, taken)], moving);
  assert.deepEqual(told, ["commit id=r1", "swap id=r2"]);
});

test("the front follows the present process: at the controller's start, and when a hand has swapped", () => {
  assert.deepEqual(play([says(500, { ...old, port: 8082 })], initialState).told, ["move 8082"]);
  assert.deepEqual(play([says(900, { ...old, port: 8082 })]).told, ["move 8082"]);
});

test("a controller that begins where another died does again what isn't known to be done", () => {
  const resumed: Event = { kind: "resumed", at: 2000 };
  assert.deepEqual(play([resumed], play([request()]).state).told, ["swap id=r1"]);
  const known = play([says(1010, { ...old, beside, lastRequest: "r1" })], play([request()]).state).state;
  assert.deepEqual(play([resumed], known).told, []);
  assert.deepEqual(play([resumed], moving).told, ["move 8082"]);
  assert.deepEqual(play([resumed], play([moved(1050)], moving).state).told, ["commit id=r1"]);
});

test("with --ready the answer is waited for after the commit", () => {
  const { state, last } = play([
    request({ ready: true }),
    says(1010, { ...old, beside }),
    up(1030, 8082, "12"),
    moved(1050),
    says(1060, taken),
  ]);
  assert.equal(state.phase.kind, "settling");
  assert.equal(last?.outcome, undefined);
  assert.equal(play([{ kind: "ready", at: 1080 }], state).last?.ready, 80);
});

test("every step has an end", () => {
  assert.equal(wakeAt(app, swapping.phase), 31_000);
  assert.equal(wakeAt(app, moving.phase), 31_000);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, initialState, wakeAt } from "./index.ts";
import type { App, AppState, Decision, Effect, Event, Request, SupervisorState } from "./index.ts";

const unmodified: App = { name: "app", port: 8080, process: false, container: true, threshold: 2 };
const supervised: App = { ...unmodified, process: true };
const worker: App = { ...supervised, port: null };

const request = (over: Partial<Request> = {}): Event => ({
  kind: "request",
  at: 1000,
  request: { id: "r1", how: "auto", now: false, ready: false, force: false, timeoutMs: 30_000, ...over },
});
const running = (over: Partial<SupervisorState> = {}): SupervisorState => ({
  generation: 1,
  pid: 7,
  phase: "running",
  startedAt: 10,
  ...over,
});

/** Plays events through the policy and keeps every decision. */
function play(app: App, events: readonly Event[], from: AppState = initialState) {
  const decisions: Decision[] = [];
  let state = from;
  for (const event of events) {
    const decision = decide(app, state, event);
    state = decision.state;
    decisions.push(decision);
  }
  const effects = decisions.flatMap((decision) => decision.effects);
  const records = effects.flatMap((effect) => (effect.kind === "record" ? [effect.record] : []));
  return { state, decisions, effects, records, last: records.at(-1), kinds: kindsOf(effects) };
}
const kindsOf = (effects: readonly Effect[]) =>
  effects.map((effect) => effect.kind).filter((kind) => kind !== "record");
const up = (at: number, ...listeners: string[]): Event => ({ kind: "listeners", at, listeners });
const liveness = (at: number, present: boolean): Event => ({ kind: "liveness", at, present, id: "hand1" });

const serving = play(unmodified, [up(500, "11")]).state;

test("one request is one armed file, one consumption and one served record with its split", () => {
  const { last, kinds, state } = play(unmodified, [request(), liveness(1600, true), up(2700), up(2790, "12")], serving);
  assert.deepEqual(kinds, ["remove-liveness"]);
  assert.equal(last?.outcome, "served");
  assert.deepEqual([last?.stopped, last?.served], [1700, 1790]);
  assert.deepEqual(state.restarts, { process: 0, container: 1 });
  assert.equal(state.phase.kind, "idle");
});

test("a new listener is served even when no look fell into the gap", () => {
  const { last } = play(unmodified, [request(), liveness(1600, true), up(2700, "12")], serving);
  assert.equal(last?.outcome, "served");
});

test("a request during a restart is merged and named", () => {
  const { decisions, kinds } = play(unmodified, [request(), request({ id: "r2" })], serving);
  assert.deepEqual(decisions[1]?.reply, { kind: "merged", into: "r1", how: "container" });
  assert.deepEqual(kinds, ["remove-liveness"]);
});

test("removing the file by hand is a request of its own", () => {
  const { last } = play(unmodified, [liveness(1000, false), liveness(1500, true), up(2600), up(2700, "12")], serving);
  assert.equal(last?.origin, "hand");
  assert.equal(last?.outcome, "served");
});

test("an app that doesn't listen yet is waited for, not armed", () => {
  const asked = play(unmodified, [request()]);
  assert.deepEqual(asked.kinds, []);
  assert.match(
    asked.decisions[0]?.reply?.kind === "accepted" ? (asked.decisions[0].reply.note ?? "") : "",
    /port 8080/,
  );
  const later = play(unmodified, [up(3000, "11")], asked.state);
  assert.deepEqual(later.kinds, ["remove-liveness"]);
});

test("an app that never listens is refused at the deadline and left alone", () => {
  const { last, kinds } = play(unmodified, [request(), { kind: "tick", at: 31_001 }]);
  assert.equal(last?.outcome, "refused");
  assert.deepEqual(kinds, []);
});

test("--force arms without waiting", () => {
  assert.deepEqual(play(unmodified, [request({ force: true })]).kinds, ["remove-liveness"]);
});

test("a request no probe takes is withdrawn, and says what it suspects", () => {
  const { kinds, last } = play(
    unmodified,
    [request(), { kind: "tick", at: 31_001 }, { kind: "withdrawn", at: 31_002, won: true }],
    serving,
  );
  assert.deepEqual(kinds, ["remove-liveness", "restore-liveness"]);
  assert.equal(last?.outcome, "timeout");
  assert.match(last?.message ?? "", /startupProbe/);
});

test("a withdrawal that lost the race waits for the restart that is coming", () => {
  const { last } = play(
    unmodified,
    [
      request(),
      { kind: "tick", at: 31_001 },
      { kind: "withdrawn", at: 31_002, won: false },
      up(32_500),
      up(32_600, "12"),
    ],
    serving,
  );
  assert.equal(last?.outcome, "served");
});

test("an app that restarts by itself while armed answers the request, and the file is put back", () => {
  const { kinds, last, state } = play(
    unmodified,
    [request(), up(1200), { kind: "withdrawn", at: 1201, won: true }, up(1400, "12")],
    serving,
  );
  assert.deepEqual(kinds, ["remove-liveness", "restore-liveness"]);
  assert.equal(last?.outcome, "served");
  assert.equal(state.restarts.container, 1);
});

test("a stop seen before the consumption still ends in one served record", () => {
  const { last } = play(
    unmodified,
    [request(), up(1600), { kind: "withdrawn", at: 1601, won: false }, liveness(1602, true), up(1700, "12")],
    serving,
  );
  assert.equal(last?.outcome, "served");
});

test("a consumed request without a restart is armed again, three times in all, then timed out", () => {
  let { state } = play(unmodified, [request({ timeoutMs: 600_000 })], serving);
  const kinds: string[] = [];
  let last: string | undefined;
  for (let i = 0; i < 10 && state.phase.kind !== "idle"; i++) {
    if (state.phase.kind === "armed") state = play(unmodified, [liveness(2000 + i * 100_000, true)], state).state;
    const at = wakeAt(unmodified, state.phase);
    assert.ok(at !== null);
    const step = play(unmodified, [{ kind: "tick", at }], state);
    state = step.state;
    kinds.push(...step.kinds);
    last = step.last?.outcome ?? last;
  }
  assert.deepEqual(kinds, ["remove-liveness", "remove-liveness"]);
  assert.equal(last, "timeout");
});

test("a container that stops and never serves times out with where to look", () => {
  const { last } = play(unmodified, [request(), liveness(1600, true), up(2700), { kind: "tick", at: 31_001 }], serving);
  assert.equal(last?.outcome, "timeout");
  assert.match(last?.message ?? "", /CrashLoopBackOff/);
});

const supervisor = (at: number, state: SupervisorState): Event => ({ kind: "supervisor", at, state, id: "s1" });
const managed = play(supervised, [supervisor(100, running()), up(500, "11")]).state;

test("with a supervisor the process is restarted: one command, started and stopped by the supervisor's clock", () => {
  const { effects, last, state } = play(
    supervised,
    [
      request(),
      supervisor(1003, running({ generation: 2, pid: 8, startedAt: 1003, stoppedAt: 1002, lastRequest: "r1" })),
      up(1030, "12"),
    ],
    managed,
  );
  assert.deepEqual(
    effects.flatMap((effect) => (effect.kind === "command" ? [effect.line] : [])),
    ["restart id=r1"],
  );
  assert.deepEqual([last?.how, last?.stopped, last?.started, last?.served], ["process", 2, 3, 30]);
  assert.deepEqual(state.restarts, { process: 1, container: 0 });
});

test("a new listener alone isn't served until the supervisor says its process is new", () => {
  const early = play(supervised, [request(), up(1001), up(1002, "12")], managed);
  assert.equal(early.last?.outcome, undefined);
  const { last } = play(
    supervised,
    [supervisor(1010, running({ generation: 2, startedAt: 1001, stoppedAt: 1001 }))],
    early.state,
  );
  assert.equal(last?.outcome, "served");
  assert.equal(last?.served, 2);
});

const holding = (over: Partial<SupervisorState> = {}) => running({ held: [8080], ...over });
const held = play(supervised, [up(90, "11"), supervisor(100, holding({ readyAt: 120 }))]).state;
const second = { generation: 2, pid: 8, startedAt: 1003, stoppedAt: 1002 };

test("with a held socket the supervisor's readyAt is served: the listening inode stays", () => {
  const started = play(supervised, [request(), supervisor(1004, holding(second))], held);
  assert.deepEqual([started.last?.outcome, started.state.phase.kind], [undefined, "starting"]);
  const { last, state } = play(supervised, [supervisor(1041, holding({ ...second, readyAt: 1040 }))], started.state);
  assert.deepEqual([last?.outcome, last?.stopped, last?.started, last?.served], ["served", 2, 3, 40]);
  assert.deepEqual(state.restarts, { process: 1, container: 0 });
});

test("with a held socket the old process's readyAt is not the new one's, and a process that never accepts times out", () => {
  const { last, state } = play(
    supervised,
    [request(), supervisor(1002, holding({ phase: "stopping", readyAt: 120 })), supervisor(1004, holding(second))],
    held,
  );
  assert.deepEqual([last?.outcome, state.phase.kind], [undefined, "starting"]);
  assert.equal(play(supervised, [{ kind: "tick", at: 31_001 }], state).last?.outcome, "timeout");
});

test("a container restart of an app with a held socket is served when its new process is ready, not when the kit listens", () => {
  const listens = play(
    supervised,
    [request({ how: "container" }), liveness(1600, true), up(2700), up(2710, "12")],
    held,
  );
  assert.equal(listens.last?.outcome, undefined);
  const fresh = { generation: 2, startedAt: 2705 };
  const { last } = play(supervised, [supervisor(2740, holding({ ...fresh, readyAt: 2735 }))], listens.state);
  assert.deepEqual([last?.outcome, last?.served], ["served", 1735]);
});

test("a held socket on another port changes nothing", () => {
  const { last } = play(
    supervised,
    [request(), supervisor(1004, running({ ...second, held: [9090], readyAt: 1010 })), up(1030, "12")],
    managed,
  );
  assert.equal(last?.served, 30);
});

test("a process that ends before it serves is crashed, with its exit", () => {
  const { last } = play(
    supervised,
    [
      request(),
      supervisor(1003, running({ generation: 2, startedAt: 1003, stoppedAt: 1002 })),
      up(1004),
      supervisor(
        1050,
        running({ generation: 2, phase: "crashed", startedAt: 1003, lastExit: { code: 1, signal: null } }),
      ),
    ],
    managed,
  );
  assert.equal(last?.outcome, "crashed");
  assert.deepEqual(last?.exit, { code: 1, signal: null });
  assert.match(last?.message ?? "", /exited with code 1/);
});

test("a crash nobody asked for is told once and held", () => {
  const crash = running({ phase: "crashed", lastExit: { code: null, signal: "SIGSEGV" } });
  const { records } = play(supervised, [supervisor(2000, crash), supervisor(2500, crash)], managed);
  assert.equal(records.length, 1);
  assert.deepEqual([records[0]?.outcome, records[0]?.origin], ["crashed", "itself"]);
});

test("a worker without a port is served when it has lived a second", () => {
  const born = play(worker, [supervisor(100, running())]).state;
  const { state, last } = play(
    worker,
    [request(), supervisor(1003, running({ generation: 2, startedAt: 1003, stoppedAt: 1002 }))],
    born,
  );
  assert.equal(last?.outcome, undefined);
  const at = wakeAt(worker, state.phase);
  assert.equal(at, 2003);
  assert.equal(play(worker, [{ kind: "tick", at: 2003 }], state).last?.outcome, "served");
});

test("--ready ends only when the readiness path answers", () => {
  const { state, last } = play(
    unmodified,
    [request({ ready: true }), liveness(1600, true), up(2700), up(2790, "12")],
    serving,
  );
  assert.equal(last?.outcome, undefined);
  assert.equal(last?.served, 1790);
  const end = play(unmodified, [{ kind: "ready", at: 3000 }], state).last;
  assert.deepEqual([end?.outcome, end?.ready], ["served", 2000]);
});

test("what can't be done is refused with a fix and changes nothing", () => {
  for (const [app, how] of [
    [unmodified, "process"],
    [{ ...supervised, container: false }, "container"],
    [{ ...unmodified, port: null }, "container"],
  ] as const) {
    const { decisions, state, effects } = play(app, [request({ how })], serving);
    assert.equal(decisions[0]?.reply?.kind, "refused");
    assert.deepEqual(effects, []);
    assert.deepEqual(state, serving);
  }
});

const replaced = (at: number): Event => ({
  kind: "supervisor",
  at,
  id: "hand1",
  state: running({ generation: 2, startedAt: at, stoppedAt: at - 1 }),
});

test("a request made after the new process was spawned is not answered by it: a restart follows", () => {
  // Save, restart, notice a typo while it starts, save, restart: merged, the second would return 0 with the typo served.
  const first = play(supervised, [request(), up(1005), replaced(1006)], managed);
  const second = play(
    supervised,
    [{ ...request({ id: "r2" }), at: 3000 }, { ...request({ id: "r3" }), at: 3100 }, up(4000, "12")],
    first.state,
  );
  assert.equal(second.decisions[0]?.reply?.kind, "accepted");
  assert.deepEqual(second.decisions[1]?.reply, { kind: "merged", into: "r2", how: "process" });
  assert.deepEqual(
    second.effects.filter((effect) => effect.kind === "command"),
    [{ kind: "command", line: "restart id=r2" }],
  );
  assert.equal(second.records.find(({ id, outcome }) => id === "r1" && outcome !== undefined)?.outcome, "served");
  const later: Event = { kind: "supervisor", at: 4010, id: "x", state: running({ generation: 3, startedAt: 4009 }) };
  const end = play(supervised, [up(4005), later, up(4100, "13")], second.state);
  assert.deepEqual([end.last?.id, end.last?.outcome, end.last?.served], ["r2", "served", 1100]);
});

test("before the old process is gone a request is merged; after that nobody tells when a container's process was spawned", () => {
  const taken = play(unmodified, [request(), liveness(1600, true), request({ id: "r2" })], serving);
  assert.equal(taken.decisions[2]?.reply?.kind, "merged");
  const gone = play(unmodified, [up(2700), request({ id: "r3" }), up(2800, "12")], taken.state);
  assert.equal(gone.decisions[1]?.reply?.kind, "accepted");
  assert.equal(gone.state.phase.kind, "armed");
  assert.deepEqual(gone.kinds, ["remove-liveness"]);
});

test("a container restart asked for during a process restart is done, and --ready is kept by what it merges with", () => {
  const asked = play(
    supervised,
    [request(), request({ id: "r2", how: "container" }), request({ id: "r3", ready: true })],
    managed,
  );
  assert.equal(asked.decisions[1]?.reply?.kind, "accepted");
  assert.deepEqual(asked.decisions[2]?.reply, { kind: "merged", into: "r1", how: "process" });
  const end = play(supervised, [up(1005), replaced(1006), up(1050, "12")], asked.state);
  assert.equal(end.state.phase.kind, "settling");
  assert.equal(play(supervised, [{ kind: "ready", at: 1060 }], end.state).state.phase.kind, "armed");
});

test("a follower whose time has run out meanwhile is told so and not begun", () => {
  const { state, last, kinds } = play(
    supervised,
    [request(), up(1005), replaced(1006), request({ id: "r2", timeoutMs: 500 }), up(4000, "12")],
    managed,
  );
  assert.deepEqual([last?.id, last?.outcome], ["r2", "timeout"]);
  assert.deepEqual(kinds, ["command"]);
  assert.equal(state.phase.kind, "idle");
});

test("a restart that comes up after its time-out is counted once and isn't said to have come by itself", () => {
  const late = [liveness(1600, true), up(2700), { kind: "tick", at: 6000 }, up(40_000, "12")] as const;
  const { state, last } = play(unmodified, [request({ timeoutMs: 5000 }), ...late], serving);
  assert.deepEqual([last?.id, last?.outcome], ["r1", "timeout"]);
  assert.deepEqual(state.restarts, { process: 0, container: 1 });
  assert.deepEqual(state.exits, [{ at: 2700, by: "kill" }]);
  assert.equal(play(unmodified, [up(50_000), up(50_100, "13")], state).last?.origin, "itself");
});

test("what an earlier controller decided and may not have done is done again", () => {
  const resumed: Event = { kind: "resumed", at: 9000 };
  const withdrawing = play(unmodified, [request({ timeoutMs: 5000 }), { kind: "tick", at: 6000 }], serving).state;
  assert.deepEqual(play(unmodified, [resumed], withdrawing).kinds, ["restore-liveness"]);
  const signalled = play(supervised, [request()], managed).state;
  assert.deepEqual(play(supervised, [resumed], signalled).kinds, ["command"]);
  const took: Event = {
    kind: "supervisor",
    at: 9000,
    id: "x",
    state: running({ phase: "stopping", lastRequest: "r1" }),
  };
  assert.deepEqual(play(supervised, [took, resumed], signalled).kinds, []);
});

test("an effect that fails ends the restart as refused with the reason", () => {
  const { last } = play(supervised, [request(), { kind: "failed", at: 1001, why: "no supervisor reads it" }], managed);
  assert.deepEqual([last?.outcome, last?.message], ["refused", "no supervisor reads it"]);
});

test("whatever happens in whatever order, one request never removes the file twice within the re-arm time", () => {
  let seed = 42;
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  for (let run = 0; run < 2000; run++) {
    let state = serving;
    let at = 1000;
    for (let step = 0; step < 30; step++) {
      at += random(500);
      const events: Event[] = [
        request({ id: `r${step}` }),
        up(at),
        up(at, String(20 + step)),
        liveness(at, random(2) === 0),
        { kind: "withdrawn", at, won: random(2) === 0 },
        { kind: "tick", at },
      ];
      const event = events[random(events.length)];
      assert.ok(event !== undefined);
      const stamped = { ...event, at };
      const wasIdle = state.phase.kind === "idle" || state.phase.kind === "waiting";
      const queued = state.next?.id;
      const decision = decide(unmodified, state, stamped);
      if (decision.effects.some((effect) => effect.kind === "remove-liveness")) {
        const { phase } = decision.state;
        const isNext = phase.kind === "armed" && phase.attempt.id === queued;
        assert.ok(wasIdle || isNext, `run ${run}: armed again from ${state.phase.kind}`);
      }
      state = decision.state;
    }
  }
});

test("somebody else on the app's port doesn't hide that the app stopped and came back, and is told", () => {
  const shared = play(unmodified, [up(500, "11", "99")]).state;
  const container = play(unmodified, [request(), liveness(1600, true), up(2700, "99"), up(2790, "12", "99")], shared);
  assert.deepEqual(
    [container.last?.outcome, container.last?.stopped, container.last?.served, container.last?.others],
    ["served", 1700, 1790, 1],
  );
  const both = play(supervised, [supervisor(100, running()), up(500, "11", "99")]).state;
  const process = play(
    supervised,
    [
      request(),
      up(1002, "99"),
      supervisor(1003, running({ generation: 2, pid: 8, startedAt: 1003, stoppedAt: 1002 })),
      up(1030, "12", "99"),
    ],
    both,
  );
  assert.deepEqual([process.last?.outcome, process.last?.served, process.last?.others], ["served", 30, 1]);
});

test("while the old process still listens, a newcomer on its port is not taken for the new one", () => {
  const { last } = play(unmodified, [request(), liveness(1600, true), up(2000, "11", "99")], serving);
  assert.equal(last?.outcome, undefined);
  const { last: signalled } = play(supervised, [request(), up(1001, "11", "99")], managed);
  assert.equal(signalled?.outcome, undefined);
});

test("one socket that goes on alone is no other one: the app's own, held for it", () => {
  const { last } = play(
    supervised,
    [
      request(),
      supervisor(1003, running({ generation: 2, startedAt: 1003, stoppedAt: 1002 })),
      { kind: "tick", at: 40_000 },
    ],
    managed,
  );
  assert.deepEqual([last?.outcome, last?.others], ["timeout", undefined]);
});

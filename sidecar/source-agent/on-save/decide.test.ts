import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide, initialState, quietFor, wakeAt } from "./decide.ts";
import type { Effect, Event, State } from "./decide.ts";

function run(
  events: readonly Event[],
  { builds = false, state = initialState }: { builds?: boolean; state?: State } = {},
) {
  const effects: Effect[] = [];
  for (const event of events) {
    const decision = decide({ builds }, state, event);
    state = decision.state;
    effects.push(...decision.effects);
  }
  return { state, effects, asks: effects.filter(({ kind }) => kind === "ask").length };
}
const changed = (at: number, path = "a.js"): Event => ({ kind: "changed", at, path });
const tick = (at: number, locked = false): Event => ({ kind: "tick", at, locked });
const ended = (at: number, ask: number, readAt: number | null, bootMs: number | null = 25): Event => ({
  kind: "ended",
  at,
  ask,
  readAt,
  bootMs,
});
const booted = { ...initialState, bootMs: 25 };

describe("the quiet window", () => {
  test("is a few per cent of the app's boot, from 2 to 50 ms", () => {
    for (const [bootMs, wait] of [
      [1, 2],
      [25, 2],
      [500, 20],
      [1000, 40],
      [60_000, 50],
    ] as const)
      assert.equal(quietFor({ ...initialState, bootMs }), wait);
    assert.ok(quietFor(initialState) <= 50, "and known before the first restart");
  });

  test("begins anew at each change; the changes of one save are one request", () => {
    const { state, asks } = run([changed(100), changed(101), tick(102), changed(102)], { state: booted });
    assert.equal(asks, 0);
    assert.equal(wakeAt(state), 104);
    assert.equal(run([tick(104)], { state }).asks, 1);
  });

  test("changes that never end don't put the restart off for ever", () => {
    let state: State = booted;
    let asks = 0;
    for (let at = 0; at < 4000 && asks === 0; at++) {
      const next = run([changed(at), tick(at)], { state });
      state = next.state;
      asks += next.asks;
    }
    assert.equal(asks, 1);
  });
});

describe("the serving process was spawned after the last change", () => {
  test("a change before the spawn is in it: no second restart", () => {
    const { state, asks } = run([changed(0), tick(2), changed(5), ended(40, 1, 10)], { state: booted });
    assert.equal(asks, 1);
    assert.equal(state.phase.kind, "idle");
    assert.equal(wakeAt(state), null);
  });

  test("a change at or after the spawn costs exactly one more, after the end", () => {
    for (const at of [10, 11, 39]) {
      const first = run([changed(0), tick(2), changed(at), ended(40, 1, 10)], { state: booted });
      assert.equal(first.asks, 1);
      const wake = wakeAt(first.state);
      assert.ok(wake !== null);
      const second = run([tick(Math.max(40, wake)), ended(150, 2, 120)], { state: first.state });
      assert.equal(second.asks, 1);
      assert.equal(second.state.phase.kind, "idle");
    }
  });

  test("when nobody can tell when it was spawned, a change during it counts as after", () => {
    const { state } = run([changed(0), tick(2), changed(5), ended(40, 1, null, null)], { state: booted });
    assert.equal(state.phase.kind, "quiet");
  });

  test("a burst of many files is two restarts at most, for all pauses shorter than a restart", () => {
    for (const pause of [1, 3, 7, 20, 34]) {
      let state: State = booted;
      let asks = 0;
      let endAt = Infinity;
      let askedAt = 0;
      for (let at = 0; at < 3000; at++) {
        const events: Event[] = [];
        if (at < 1000 && at % pause === 0) events.push(changed(at, `${at}.js`));
        if (at === endAt) events.push(ended(at, state.ask, askedAt + 4));
        if (at >= (wakeAt(state) ?? Infinity)) events.push(tick(at));
        const next = run(events, { state });
        state = next.state;
        if (next.asks > 0) {
          asks++;
          askedAt = at;
          endAt = at + 35;
        }
      }
      assert.ok(asks >= 1 && asks <= 2, `${asks} restarts at a pause of ${pause} ms`);
      assert.ok(askedAt + 4 > 999 - pause, "the last one is after the last change");
    }
  });

  test("the end of an older request changes nothing", () => {
    const { state } = run([changed(0), tick(2), ended(3, 0, 3)], { state: booted });
    assert.equal(state.phase.kind, "asked");
  });

  test("a helper that can't be asked is asked again", () => {
    const { state } = run([changed(0), tick(2), { kind: "failed", at: 10, ask: 1 }], { state: booted });
    const wake = wakeAt(state);
    assert.ok(wake !== null && wake > 10);
    assert.equal(run([tick(wake)], { state }).asks, 1);
  });
});

describe("git's index.lock", () => {
  test("holds the restart until it is gone, and is looked at again", () => {
    const held = run([changed(0), tick(2, true), changed(150), tick(252, true)], { state: booted });
    assert.equal(held.asks, 0);
    assert.equal(wakeAt(held.state), 502);
    assert.equal(run([tick(300)], { state: held.state }).asks, 1, "its removal is told before the next look");
  });
});

describe("with a build", () => {
  test("a change during it asks again at once, which cancels it", () => {
    const { state, asks } = run([changed(0), tick(2), changed(500), tick(560)], { builds: true, state: booted });
    assert.equal(asks, 2);
    assert.equal(state.phase.kind, "asked");
  });

  test("what changes at every build can't cancel it for ever, and is named", () => {
    let state: State = booted;
    let at = 0;
    const effects: Effect[] = [];
    const cancelled: boolean[] = [];
    const step = (event: Event) => {
      const next = run([event], { builds: true, state });
      state = next.state;
      effects.push(...next.effects);
    };
    step(changed(at, "main.go"));
    for (let i = 0; i < 8; i++) {
      at = wakeAt(state) ?? at;
      step(tick(at));
      const began = at;
      step(changed(at + 300, "gen.go"));
      cancelled.push(state.phase.kind === "quiet");
      if (state.phase.kind === "asked") step(ended(at + 350, state.ask, began));
      at += 350;
    }
    assert.deepEqual(cancelled.slice(0, 5), [true, true, true, false, false]);
    assert.deepEqual(
      effects.filter(({ kind }) => kind === "say-loop"),
      [{ kind: "say-loop", path: "gen.go" }],
    );
  });
});

describe("hold", () => {
  const hold = (at: number, held: boolean): Event => ({ kind: "hold", at, held });

  test("nothing restarts while held; what changed meanwhile does at the release", () => {
    const held = run([hold(0, true), changed(5), tick(9), tick(900)], { state: booted });
    assert.equal(held.asks, 0);
    assert.equal(wakeAt(held.state), null);
    assert.equal(run([hold(1000, false), tick(1000)], { state: held.state }).asks, 1);
  });

  test("a release without a change restarts nothing", () => {
    const { state, asks } = run([hold(0, true), hold(9, false)], { state: booted });
    assert.equal(asks, 0);
    assert.equal(wakeAt(state), null);
  });

  test("a change that waits for quiet, or comes during a restart, is kept", () => {
    const quiet = run([changed(0), hold(1, true), tick(2), hold(50, false), tick(50)], { state: booted });
    assert.equal(quiet.asks, 1);
    const under = run([changed(0), tick(2), changed(20), hold(21, true), ended(40, 1, 10)], { state: booted });
    assert.equal(under.asks, 1);
    assert.equal(run([hold(90, false), tick(90)], { state: under.state }).asks, 1);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { forecast, kubeletDefaults, requeueSlack, settingsWith, startsAfter } from "./backoff.ts";
import type { BackoffSettings, ContainerExit } from "./backoff.ts";

/** Exits one after the other, each `gap` after the start that followed the one before; the wait that each one costs. */
function waitsOf(steps: readonly (readonly [gap: number, by: ContainerExit["by"]])[], settings?: BackoffSettings) {
  const exits: ContainerExit[] = [];
  let started = 0;
  return steps.map(([gap, by]) => {
    const exit = { at: started + gap * 1000, by };
    exits.push(exit);
    started = startsAfter(exits, settings);
    return (started - exit.at) / 1000;
  });
}
const kills = (n: number, gap: number) => Array.from({ length: n }, () => [gap, "kill"] as const);

test("in a row the first two kills are free, then each waits twice as long, five minutes at most", () => {
  assert.deepEqual(waitsOf(kills(8, 1)), [0, 0, 10, 20, 40, 80, 160, 300]);
});

test("at the longest wait every second kill is free: the exit before it lies the whole wait and the run after it back", () => {
  assert.deepEqual(waitsOf(kills(11, 1)).slice(7), [300, 0, 300, 0]);
});

test("an app that ends by itself opens the account with its first exit", () => {
  assert.deepEqual(waitsOf(Array.from({ length: 5 }, () => [1, "itself"] as const)), [0, 10, 20, 40, 80]);
});

test("in the sync that kills, the exit before counts: longer apart than the wait is free, and still doubles the next one", () => {
  assert.deepEqual(waitsOf(kills(7, 15)), [0, 0, 0, 20, 40, 80, 160]);
  assert.deepEqual(waitsOf(kills(6, 90)), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(waitsOf(kills(7, 90)).at(-1), 160);
});

test("ten minutes without a start close the account", () => {
  assert.deepEqual(waitsOf([...kills(3, 1), [599, "kill"], [1, "kill"]]), [0, 0, 10, 0, 40]);
  assert.deepEqual(waitsOf([...kills(4, 1), [601, "kill"], [1, "kill"]]), [0, 0, 10, 20, 0, 10]);
});

test("another image string is another account", () => {
  const alternating = [...kills(4, 1), ...Array.from({ length: 12 }, () => [1, "alias"] as const)];
  assert.deepEqual(waitsOf(alternating), [0, 0, 10, 20, ...Array.from({ length: 12 }, () => 0)]);
  assert.deepEqual(waitsOf([...kills(4, 1), [1, "alias"], [1, "kill"], [1, "kill"]]), [0, 0, 10, 20, 0, 10, 20]);
});

test("a node with maxContainerRestartPeriod 1 s never waits longer", () => {
  assert.deepEqual(settingsWith(1000), { initial: 1000, max: 1000 });
  assert.deepEqual(settingsWith(), kubeletDefaults);
  assert.deepEqual(waitsOf(kills(5, 0.5), settingsWith(1000)), [0, 0, 1, 0, 1]);
});

test("the forecast is the wait that the same kill then gets, and says from when on it is free", () => {
  const exits: ContainerExit[] = [1000, 3000].map((at) => ({ at, by: "kill" }));
  assert.deepEqual(forecast(exits, 5000), { wait: 10_000, freeAt: 13_000 });
  assert.deepEqual(forecast(exits, 12_999), { wait: 10_000, freeAt: 13_000 });
  assert.deepEqual(forecast(exits, 13_000), { wait: 0, freeAt: null });
  assert.deepEqual(forecast([], 0), { wait: 0, freeAt: null });
});

test("whatever happens: no wait is shorter than it was announced, longer than the longest, or changed by when it is looked at", () => {
  let seed = 7;
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  for (let run = 0; run < 500; run++) {
    const settings = settingsWith([1000, 60_000, 300_000][random(3)]);
    const exits: ContainerExit[] = [];
    let now = 0;
    let last: number | undefined;
    for (let step = 0; step < 20; step++) {
      now += random([2000, 30_000, 700_000][random(3)] ?? 1);
      const told = forecast(exits, now, settings);
      if (told.freeAt !== null) {
        assert.equal(forecast(exits, told.freeAt, settings).wait, 0, `run ${run}: free when it said so`);
        assert.equal(forecast(exits, told.freeAt - 1, settings).wait, told.wait, `run ${run}: all or nothing`);
      }
      const by = (["kill", "itself", "alias"] as const)[random(3)] ?? "kill";
      exits.push({ at: now, by });
      const starts = startsAfter(exits, settings);
      const wait = starts - now;
      if (by === "kill") assert.equal(wait, told.wait);
      if (by === "alias") assert.equal(wait, 0);
      assert.ok(wait === 0 || (wait >= settings.initial && wait <= settings.max), `run ${run}: ${wait}`);
      if (last !== undefined && last > 0 && wait > 0 && by === "kill") assert.ok(wait >= Math.min(last, settings.max));
      // Sixteen are enough to know: that is as many as the policy keeps.
      assert.equal(startsAfter(exits.slice(-16), settings), starts, `run ${run}: older exits don't matter`);
      last = by === "kill" ? wait : undefined;
      now = starts;
    }
  }
});

/** The pod worker's requeues until the wait is over, as completeWork does them; what they take beyond it, milliseconds. */
function lateness(wait: number, random: () => number): number {
  let at = 0;
  while (at < wait) at += Math.ceil((Math.min(wait - at, 60_000) * (1 + 0.5 * random())) / 1000) * 1000;
  return at - wait;
}

test("the kubelet comes back late by no more than its requeue slack, however its jitter falls", () => {
  let seed = 3;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (const wait of [1000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000]) {
    let latest = 0;
    for (let i = 0; i < 2000; i++) latest = Math.max(latest, lateness(wait, random));
    assert.ok(latest <= requeueSlack(wait), `${wait}: ${latest}`);
  }
  assert.equal(requeueSlack(0), 0);
});

test("the first recorded waits are the model's, with that slack: 25, 48 and 87 s for 20, 40 and 80", () => {
  for (const [wait, real] of [
    [20_000, 25_000],
    [40_000, 48_000],
    [80_000, 87_000],
  ] as const) {
    assert.ok(wait <= real && real <= wait + requeueSlack(wait));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSteadyClock } from "./steady-clock.ts";

function jumpyMachine() {
  const machine = { monotonic: 100, wall: 1_000_000 };
  const clock = createSteadyClock(
    () => machine.monotonic,
    () => machine.wall,
  );
  const pass = (ms: number, asleep = false) => {
    machine.wall += ms;
    if (!asleep) machine.monotonic += ms;
  };
  return { machine, clock, pass };
}

test("after a laptop's sleep it is the wall clock's time again, in which a supervisor tells its steps", () => {
  const { clock, pass } = jumpyMachine();
  pass(500);
  assert.equal(clock.now(), 1_000_500);
  pass(3_600_000, true);
  assert.equal(clock.now(), 4_600_500);
});

test("a wall clock that is put back stops nothing", () => {
  const { machine, clock, pass } = jumpyMachine();
  machine.wall -= 3_600_000;
  assert.equal(clock.now(), 1_000_000);
  pass(250);
  assert.equal(clock.now(), 1_000_250);
});

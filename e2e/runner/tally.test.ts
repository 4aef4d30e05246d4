import assert from "node:assert/strict";
import { test } from "node:test";
import { add, lastLine, strict } from "./tally.ts";

test("the last line counts everything", () => {
  const sum = add({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 });
  assert.equal(lastLine(sum), "11 passed, 22 failed, 33 skipped");
});

test("in CI what was skipped has failed", () => {
  assert.deepEqual(strict({ passed: 5, failed: 1, skipped: 2 }, true), { passed: 5, failed: 3, skipped: 0 });
  assert.deepEqual(strict({ passed: 5, failed: 1, skipped: 2 }, false), { passed: 5, failed: 1, skipped: 2 });
});

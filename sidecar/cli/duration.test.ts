import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText, parseDuration } from "./duration.ts";

test("reads milliseconds, seconds, minutes and bare seconds", () => {
  assert.deepEqual(["500ms", "30s", "2m", "1.5"].map(parseDuration), [500, 30_000, 120_000, 1500]);
});

test("refuses what it can't wait, with the value", () => {
  for (const text of ["", "soon", "-1s", "0", "1h", "90m", "1e9"])
    assert.throws(() => parseDuration(text), /not a duration/);
});

test("says durations in three digits", () => {
  assert.deepEqual([0, 85.4, 999, 1234, 12_345, 120_000].map(durationText), [
    "0 ms",
    "85 ms",
    "999 ms",
    "1.23 s",
    "12.3 s",
    "2 min",
  ]);
});

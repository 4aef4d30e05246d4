import assert from "node:assert/strict";
import { test } from "node:test";
import { forecastWait } from "./index.ts";

test("the first two restarts are free, then the wait doubles from the previous exit", () => {
  assert.equal(forecastWait([], 0), 0);
  assert.equal(forecastWait([0], 1000), 0);
  assert.equal(forecastWait([0, 2000], 4000), 8000);
  assert.equal(forecastWait([0, 2000, 12_000], 14_000), 18_000);
});

test("ten minutes without a touch close the account", () => {
  assert.equal(forecastWait([0, 2000], 700_000), 0);
});

test("the longest wait is five minutes", () => {
  const exits = Array.from({ length: 12 }, (_, i) => i * 301_000);
  assert.equal(forecastWait(exits, exits.at(-1) ?? 0), 300_000);
});

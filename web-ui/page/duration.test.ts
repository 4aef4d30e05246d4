import assert from "node:assert/strict";
import { test } from "node:test";
import { ageText, clockText, durationText, exactText } from "./duration.ts";

test("durations are written with three digits at most", () => {
  const rows = [
    [0, "0 ms"],
    [0.4, "0 ms"],
    [41.2, "41 ms"],
    [999.4, "999 ms"],
    [999.6, "1.00 s"],
    [1234, "1.23 s"],
    [9949, "9.95 s"],
    [9950, "9.9 s"],
    [35_500, "35.5 s"],
    [99_499, "99.5 s"],
    [99_500, "2 min"],
    [600_000, "10 min"],
  ] as const;
  for (const [ms, text] of rows) assert.equal(durationText(ms), text, String(ms));
});

test("the exact figure keeps every millisecond", () => {
  assert.equal(exactText(7), "7 ms");
  assert.equal(exactText(1234.4), "1,234 ms");
  assert.equal(exactText(1_234_567), "1,234,567 ms");
});

test("an age has one or two units, and is never negative", () => {
  const rows = [
    [-5000, "0 s"],
    [8999, "8 s"],
    [60_000, "1 min"],
    [3_599_000, "59 min"],
    [7_200_000, "2 h"],
    [7_500_000, "2 h 5 min"],
    [345_600_000 + 3_600_000, "4 d 1 h"],
  ] as const;
  for (const [ms, text] of rows) assert.equal(ageText(ms), text, String(ms));
});

test("a time of another day has its date", () => {
  const now = new Date(2026, 10, 21, 12, 0, 0);
  assert.equal(clockText(new Date(2026, 10, 21, 9, 3, 7).toISOString(), now), "09:03:07");
  assert.equal(clockText(new Date(2026, 10, 20, 23, 3, 7).toISOString(), now), "20 Nov 23:03:07");
  assert.equal(clockText("soon", now), "soon");
});

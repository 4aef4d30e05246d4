import assert from "node:assert/strict";
import { test } from "node:test";
import { rowOf, tableOf } from "./row.ts";

test("nearest-rank statistics, whatever the order of the samples", () => {
  const samples = Array.from({ length: 20 }, (_, i) => 20 - i);
  assert.deepEqual(rowOf("a.b", "ms", samples), { name: "a.b", unit: "ms", n: 20, median: 10, p95: 19, max: 20 });
});

test("one sample is its own median and maximum", () => {
  assert.deepEqual(rowOf("x", "MB", [2.34567]), { name: "x", unit: "MB", n: 1, median: 2.346, p95: 2.346, max: 2.346 });
});

test("the table names the peer", () => {
  assert.match(tableOf([rowOf("x", "ms", [1], "recipe")]), /x \(recipe\)/);
});

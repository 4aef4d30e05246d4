import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresTable, writtenAndExpected } from "./figures.ts";

test("README's table of figures is the committed run's", async () => {
  const { written, expected } = await writtenAndExpected();
  assert.equal(written, expected, "write it anew: node e2e/bench/figures.ts");
});

test("seconds from a second on, a single sample without a p95", () => {
  const table = figuresTable([
    { name: "restart.container.static", unit: "ms", n: 30, median: 1530, p95: 2100, max: 2300 },
    { name: "idle.live.rss", unit: "MB", n: 1, median: 0.25, p95: 0.25, max: 0.25 },
  ]);
  assert.match(table, /\| 1\.53 s \| 2\.10 s \| 30 \|/);
  assert.match(table, /\| 0\.25 MB \|  \| 1 \|/);
});

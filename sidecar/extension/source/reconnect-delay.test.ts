import assert from "node:assert/strict";
import { test } from "node:test";
import { reconnectDelay } from "./reconnect-delay.ts";

test("doubles up to ten seconds", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => reconnectDelay(failures, 1)),
    [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000],
  );
});

test("chance takes off a quarter at most", () => {
  assert.equal(reconnectDelay(3, 0), 750);
  assert.equal(reconnectDelay(0, 0), 188);
});

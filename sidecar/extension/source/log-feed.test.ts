import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogLine } from "../../protocol/api.ts";
import { createLogFeed } from "./log-feed.ts";

const lines = (...numbers: number[]): LogLine[] => numbers.map((seq) => ({ seq, app: "web", text: `line ${seq}` }));
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("what came before and meanwhile is shown once, in order", async () => {
  let shown = "";
  const asked: (number | undefined)[] = [];
  const memory = [lines(1, 2, 3), lines(4, 5, 6)];
  const feed = createLogFeed({
    fetch: async (after) => {
      asked.push(after);
      return memory.shift() ?? [];
    },
    show: (text) => (shown += text),
    several: () => false,
  });
  feed.connected();
  feed.live(lines(3, 4));
  await settled();
  assert.equal(shown, "line 1\nline 2\nline 3\nline 4\n");
  feed.connected();
  feed.live(lines(7));
  await settled();
  feed.live(lines(8));
  assert.equal(shown, "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\n");
  assert.deepEqual(asked, [undefined, 4]);
});

test("without the helper's memory the live lines come all the same", async () => {
  let shown = "";
  const feed = createLogFeed({
    fetch: () => Promise.reject(new Error("gone")),
    show: (text) => (shown += text),
    several: () => true,
  });
  feed.connected();
  feed.live([{ seq: 9, app: "web", text: "\u001B[32mready\u001B[0m" }]);
  await settled();
  assert.equal(shown, "[web] ready\n");
});

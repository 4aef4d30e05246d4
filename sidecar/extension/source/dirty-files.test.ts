import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { countDirtyFiles, createDirtyReport } from "./dirty-files.ts";

const changes = (...names: string[]) => names.map((name) => ({ uri: new URL(`file:///source/${name}`) }));
const none = { mergeChanges: [], indexChanges: [], workingTreeChanges: [] };

test("counts each file once, over all repositories", () => {
  assert.equal(countDirtyFiles([]), 0);
  assert.equal(
    countDirtyFiles([
      { ...none, indexChanges: changes("a", "b"), workingTreeChanges: changes("b", "c") },
      { mergeChanges: changes("d"), indexChanges: [], workingTreeChanges: [], untrackedChanges: changes("e") },
    ]),
    5,
  );
});

function report(t: TestContext, tell?: (files: number) => Promise<void>) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const told: number[] = [];
  const made = createDirtyReport({
    quietMs: 500,
    tell: (files) => {
      told.push(files);
      return tell?.(files) ?? Promise.resolve();
    },
  });
  t.after(() => made.close());
  return { ...made, told };
}

test("tells the last count after a quiet moment, and nothing twice", (t) => {
  const dirty = report(t);
  dirty.helperForgot();
  for (const files of [1, 2, 3]) {
    dirty.counted(files);
    t.mock.timers.tick(400);
  }
  assert.deepEqual(dirty.told, []);
  t.mock.timers.tick(100);
  assert.deepEqual(dirty.told, [3]);
  dirty.counted(4);
  dirty.counted(3);
  t.mock.timers.tick(5000);
  assert.deepEqual(dirty.told, [3]);
});

test("says nothing before it has counted", (t) => {
  const dirty = report(t);
  dirty.helperForgot();
  t.mock.timers.tick(5000);
  assert.deepEqual(dirty.told, []);
});

test("tells again when the helper has forgotten", (t) => {
  const dirty = report(t);
  dirty.counted(2);
  t.mock.timers.tick(500);
  dirty.helperForgot();
  t.mock.timers.tick(500);
  assert.deepEqual(dirty.told, [2, 2]);
});

test("a count that didn't arrive is told again, more slowly", async (t) => {
  let refusals = 2;
  const dirty = report(t, () => (refusals-- > 0 ? Promise.reject(new Error("gone")) : Promise.resolve()));
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  dirty.counted(2);
  t.mock.timers.tick(500);
  for (let i = 1; i <= 3; i++) {
    await settled();
    assert.equal(dirty.told.length, i);
    t.mock.timers.tick(5000);
  }
  await settled();
  assert.deepEqual(dirty.told, [2, 2, 2]);
});

test("statuses in quick succession don't put it off for ever", (t) => {
  const dirty = report(t);
  dirty.counted(2);
  for (let i = 0; i < 20; i++) {
    dirty.helperForgot();
    t.mock.timers.tick(100);
  }
  assert.ok(dirty.told.length > 0);
});

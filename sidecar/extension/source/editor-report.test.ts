import assert from "node:assert/strict";
import { test } from "node:test";
import { createEditorReport } from "./editor-report.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

function editors() {
  const told: object[] = [];
  const state = { unsaved: 0, untitled: 0, saves: 0, refuses: false };
  const report = createEditorReport({
    count: () => ({ unsaved: state.unsaved, untitled: state.untitled }),
    save: () => {
      state.saves++;
      if (state.refuses) return Promise.reject(new Error("disk full"));
      state.unsaved = 0;
      return Promise.resolve(true);
    },
    tell: (one) => {
      told.push(one);
      return Promise.resolve();
    },
  });
  return { told, state, report };
}

test("the number is told when it changes, not at every letter", async () => {
  const { told, state, report } = editors();
  report.changed();
  state.unsaved = 1;
  for (let i = 0; i < 5; i++) report.changed();
  await settled();
  state.unsaved = 0;
  report.changed();
  await settled();
  assert.deepEqual(told, [
    { unsaved: 1, untitled: 0 },
    { unsaved: 0, untitled: 0 },
  ]);
});

test("a new helper is told what there is, also when that is nothing", async () => {
  const { told, report } = editors();
  report.helperForgot();
  await settled();
  assert.deepEqual(told, [{ unsaved: 0, untitled: 0 }]);
});

test("asked to save, it saves and answers with the id and with what is left", async () => {
  const { told, state, report } = editors();
  Object.assign(state, { unsaved: 2, untitled: 1 });
  report.askedToSave("ask-1");
  await settled();
  Object.assign(state, { unsaved: 1, refuses: true });
  report.askedToSave("ask-2");
  await settled();
  assert.deepEqual(told, [
    { unsaved: 0, untitled: 1, saved: "ask-1" },
    { unsaved: 1, untitled: 1, saved: "ask-2" },
  ]);
  assert.equal(state.saves, 2);
});

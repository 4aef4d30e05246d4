import assert from "node:assert/strict";
import { test } from "node:test";
import { createHeldBack } from "./held-back.ts";

test("what is said before its turn comes in its turn, in order; what comes later comes at once", () => {
  const said: string[] = [];
  const heldBack = createHeldBack((text) => said.push(text));
  heldBack.say("one");
  heldBack.say("two");
  assert.deepEqual(said, []);
  heldBack.release();
  heldBack.say("three");
  heldBack.release();
  assert.deepEqual(said, ["one", "two", "three"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { lanesOf } from "./lanes.ts";
import { testFiles } from "./test-files.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("every spec of the cluster runs in one lane: with those of its profile, or with all where there is one cluster", async () => {
  const files = await testFiles(root, "cluster", []);
  assert.deepEqual(await lanesOf(root, files, "one"), [files]);
  const lanes = await lanesOf(root, files, "several");
  assert.equal(lanes.length, 2);
  assert.deepEqual(lanes.flat().sort(), [...files].sort());
  assert.ok(lanes[1]?.some((file) => file.endsWith("requests.spec.ts")));
  assert.ok(lanes[0]?.some((file) => file.endsWith("story.spec.ts")));
  assert.deepEqual(await lanesOf(root, ["e2e/story.spec.ts"], "several"), [["e2e/story.spec.ts"]]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { partOf, testFiles } from "./test-files.ts";

test("a test's part is told by where it is", () => {
  assert.equal(partOf("sidecar/cli/program.test.ts"), "unit");
  assert.equal(partOf("charts/inpod/tests/render.test.ts"), "chart");
  assert.equal(partOf("e2e/runner/tally.test.ts"), "unit");
  assert.equal(partOf("e2e/browser/ide-whole.spec.ts"), "browser");
  assert.equal(partOf("e2e/story.spec.ts"), "cluster");
  assert.equal(partOf("e2e/cluster/cluster.spec.ts"), "cluster");
});

test("what is no test of ours belongs to no part", () => {
  for (const path of [
    "sidecar/cli/program.ts",
    "node_modules/x/a.test.ts",
    "sidecar/dist/a.test.ts",
    "a/node_modules/b/e2e/x.spec.ts",
  ]) {
    assert.equal(partOf(path), undefined, path);
  }
});

test("this very file is found, alone when it is asked for", async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  assert.ok((await testFiles(root, "unit", [])).includes("e2e/runner/test-files.test.ts"));
  assert.deepEqual(await testFiles(root, "unit", ["runner/test-files"]), ["e2e/runner/test-files.test.ts"]);
  assert.deepEqual(await testFiles(root, "browser", ["runner/test-files"]), []);
});

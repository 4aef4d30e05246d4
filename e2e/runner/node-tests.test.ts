import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import type { Tally } from "./tally.ts";

const run = promisify(execFile);
const runner = new URL("node-tests.ts", import.meta.url).href;

let root: string;
let said: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "runner-"));
  said = "";
});
afterEach(() => rm(root, { recursive: true, force: true }));

const { NODE_TEST_CONTEXT: _, ...env } = process.env;

/** Runs files of the given content as `npm test` would; in a process of its own, for node:test doesn't run inside itself. */
async function runFiles(files: Record<string, string>, more: { live?: boolean; silenceMs?: number } = {}) {
  const head = 'import { test, describe, before } from "node:test"; import assert from "node:assert/strict";\n';
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), head + content);
  const options = { root, files: Object.keys(files), concurrency: 2, live: false, ...more };
  const script = `const { runNodeTests } = await import(${JSON.stringify(runner)});
    const tally = await runNodeTests({ ...${JSON.stringify(options)}, env: process.env, say: (text) => console.log(text) });
    console.log(JSON.stringify(tally));
    process.exit();`;
  // A file: node:test hands a program given by -e on to the processes of its tests.
  await writeFile(join(root, "main.mjs"), script);
  const { stdout } = await run(process.execPath, [join(root, "main.mjs")], { env });
  const lines = stdout.trimEnd().split("\n");
  const tally = JSON.parse(lines.pop() ?? "") as Tally;
  said = lines.join("\n");
  return tally;
}

test("tests are counted, suites and the tests that hold others are not counted for what is in them", async () => {
  const tally = await runFiles({
    "a.test.mjs": `
      test("one", () => {});
      describe("suite", () => { test("two", () => {}); test("three", () => {}); });
      test("left out", { skip: "no wind" }, () => {});
      test("later", (t) => t.skip("no rain"));`,
  });
  assert.deepEqual(tally, { passed: 3, failed: 0, skipped: 2 });
  assert.match(said, /a\.test\.mjs: 3 passed, 2 skipped/);
  assert.match(said, /skipped: left out: no wind/);
  assert.match(said, /skipped: later: no rain/);
});

test("a failure is shown with what was thrown and what its file printed", async () => {
  const tally = await runFiles({
    "bad.test.mjs": `test("adds", () => { console.log("what it printed"); assert.equal(1 + 1, 3); }); test("fine", () => {});`,
    "good.test.mjs": `test("fine", () => { console.log("nobody's business"); });`,
  });
  assert.deepEqual(tally, { passed: 2, failed: 1, skipped: 0 });
  assert.match(said, /FAILED {2}bad\.test\.mjs: adds/);
  assert.match(said, /2 !== 3/);
  assert.match(said, /what it printed/);
  assert.doesNotMatch(said, /nobody's business/);
});

test("a failure below another test is one failure, not two", async () => {
  const tally = await runFiles({
    "nested.test.mjs": `test("outer", async (t) => { await t.test("inner", () => assert.fail("no")); });`,
  });
  assert.equal(tally.failed, 1);
});

test("a file that can't be loaded, one that dies, one without a test, a hook that throws: each is a failure", async () => {
  for (const [name, content] of Object.entries({
    "loads.test.mjs": `console.error("why it died"); await import("./missing.mjs");`,
    "syntax.test.mjs": `test("never", () => {}`,
    "dies.test.mjs": `test("never", async () => { process.kill(process.pid, "SIGKILL"); await new Promise(() => {}); });`,
    "hook.test.mjs": `before(() => { throw new Error("hook broke"); }); test("never", () => {});`,
    "empty.test.mjs": `// a test that was forgotten`,
    "unhandled.test.mjs": `test("one", () => {}); setTimeout(() => { throw new Error("late"); }, 10);`,
  })) {
    const { failed } = await runFiles({ [name]: content });
    assert.ok(failed >= 1, name);
    if (name === "loads.test.mjs") assert.match(said, /why it died/);
  }
});

test(
  "a test that hangs is ended after the silence that is allowed, and counts as failed",
  { timeout: 30_000 },
  async () => {
    const tally = await runFiles(
      { "hangs.test.mjs": `test("never", async () => { await new Promise((r) => setTimeout(r, 600000)); });` },
      { silenceMs: 1500 },
    );
    assert.ok(tally.failed >= 1);
    assert.equal(tally.passed, 0);
  },
);

test("live shows what tests print while they run", async () => {
  await runFiles({ "a.test.mjs": `test("one", () => { console.error("# phase 1"); });` }, { live: true });
  assert.match(said, /# phase 1/);
});

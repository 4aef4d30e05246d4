import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type BuildCommand, runBuild } from "./run-build.ts";

async function build(
  t: TestContext,
  command: BuildCommand,
  { timeoutMs = 20_000, cancel = new AbortController() } = {},
) {
  const cwd = await mkdtemp(join(tmpdir(), "inpod-build-"));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  return { cwd, report: runBuild({ command, cwd, env: process.env, timeoutMs, cancel: cancel.signal }) };
}

test("a build runs in the source folder, by a shell or as it is", async (t) => {
  const shell = await build(t, "echo hi > made && test -f made");
  const done = await shell.report;
  assert.equal(done?.ok, true);
  assert.equal(await readFile(join(shell.cwd, "made"), "utf8"), "hi\n");
  const list = await build(t, ["touch", "$HOME"]);
  assert.equal((await list.report)?.ok, true);
  assert.ok(existsSync(join(list.cwd, "$HOME")), "no shell reads a list");
});

test("a failure has its reason, its last lines and the compiler's problems", async (t) => {
  const { report } = await build(
    t,
    "for i in $(seq 100); do echo line $i; done; echo './main.go:3:4: undefined: x' >&2; exit 2",
  );
  const failed = await report;
  assert.equal(failed?.ok, false);
  assert.match(failed.why ?? "", /exit code 2/);
  assert.equal(failed.log?.length, 40);
  assert.equal(failed.problems?.[0]?.file, "main.go");
  assert.match(
    (await (await build(t, ["no-such-compiler"])).report)?.why ?? "",
    /"no-such-compiler" on the IDE's PATH/,
  );
});

test("cancelled or too late, it ends with everything it has started, a program that ignores SIGTERM too", async (t) => {
  for (const how of ["cancel", "time"] as const) {
    const cancel = new AbortController();
    const { cwd, report } = await build(
      t,
      `trap '' TERM; (trap '' TERM; echo $$ > one; sleep 300 & echo $! > two; wait) & wait`,
      {
        cancel,
        timeoutMs: how === "time" ? 400 : 20_000,
      },
    );
    for (let i = 0; i < 300 && !existsSync(join(cwd, "two")); i++) await sleep(10);
    const sleeper = Number(await readFile(join(cwd, "two"), "utf8"));
    if (how === "cancel") cancel.abort();
    const end = await report;
    if (how === "cancel") assert.equal(end, undefined);
    else assert.match(end?.why ?? "", /longer than 0.4 s/);
    for (let i = 0; i < 200 && alive(sleeper); i++) await sleep(10);
    assert.equal(alive(sleeper), false, how);
  }
});

test("a flood of output is read and only its end is kept; a daemon it leaves doesn't hold it up", async (t) => {
  const flood = await (await build(t, "yes x | head -c 20000000; echo a.c:1:2: error: last; exit 1")).report;
  assert.equal(flood?.problems?.at(-1)?.message, "last");
  const began = Date.now();
  const daemon = await (await build(t, "sleep 60 & echo done")).report;
  assert.equal(daemon?.ok, true);
  assert.ok(Date.now() - began < 30_000);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

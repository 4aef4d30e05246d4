import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createGit } from "./git.ts";
import { createSnapshots, UnknownRestart } from "./snapshots.ts";

async function repository(t: TestContext, { commit = true } = {}) {
  const home = await mkdtemp(join(tmpdir(), "inpod-git-"));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 3 }));
  const root = join(home, "src");
  const temporary = join(home, "tmp");
  await mkdir(join(root, "lib"), { recursive: true });
  await mkdir(temporary);
  const run = (...args: string[]) =>
    execFileSync("git", ["-C", root, "-c", "user.name=me", "-c", "user.email=me@example.com", ...args], {
      encoding: "utf8",
    });
  const put = (path: string, text: string) => writeFile(join(root, path), text);
  const read = (path: string) => readFile(join(root, path), "utf8").catch(() => null);
  run("init", "-q", "-b", "main");
  await put("a.js", "one\n");
  await put("lib/b.js", "lib\n");
  await put(".gitignore", "secret\nout/\n");
  if (commit) {
    run("add", "-A");
    run("commit", "-q", "-m", "first");
  }
  const snapshots = createSnapshots({ root, git: createGit(root, process.env), temporary });
  const keep = async () => snapshots.remember(await snapshots.take());
  return { home, root, run, put, read, snapshots, keep, temporary };
}

/** Everything of a repository that a person could miss, but the refs that are ours. */
function repositoryState(root: string, run: (...args: string[]) => string) {
  const reflog = join(root, ".git/logs/HEAD");
  return {
    index: existsSync(join(root, ".git/index")) ? readFileSync(join(root, ".git/index")).toString("base64") : "",
    head: readFileSync(join(root, ".git/HEAD"), "utf8"),
    refs: run("for-each-ref").replaceAll(/.*refs\/inpod.*\n/g, ""),
    reflog: existsSync(reflog) ? readFileSync(reflog, "utf8") : "",
    stash: run("stash", "list"),
    status: run("--no-optional-locks", "status", "--porcelain"),
    log: existsSync(join(root, ".git/logs/refs/inpod")),
  };
}

test("a snapshot holds tracked, changed, deleted and new files, not the ignored; index, HEAD, stash, reflog stay", async (t) => {
  const { root, run, put, snapshots, keep } = await repository(t);
  await put("stashed.js", "x");
  run("stash", "-u", "-q");
  await put("a.js", "staged\n");
  run("add", "a.js");
  await put("a.js", "two\n");
  await put("new.js", "new\n");
  await put("secret", "password");
  await rm(join(root, "lib/b.js"));
  await symlink("/etc", join(root, "link"));
  const before = repositoryState(root, run);
  const { n, commit } = await keep();
  assert.equal(n, 1);
  assert.deepEqual(repositoryState(root, run), before);
  assert.equal(run("ls-tree", "-r", "--name-only", commit), ".gitignore\na.js\nlink\nnew.js\n");
  assert.equal(run("show", `${commit}:a.js`), "two\n");
  assert.equal(run("rev-parse", "refs/inpod/restarts/1").trim(), commit);
  await snapshots.restore(1);
  await put("a.js", "three\n");
  await snapshots.diff(1, { cut: 1000, colour: false });
  const { status, ...rest } = repositoryState(root, run);
  assert.deepEqual({ ...rest, status }, before, "nor by a restore or a diff");
});

test("the same files are the same commit under the next number, and the change is counted against the one before", async (t) => {
  const { put, keep } = await repository(t);
  const first = await keep();
  const second = await keep();
  assert.equal(second.n, 2);
  assert.equal(second.commit, first.commit);
  assert.equal(second.files, 0);
  await put("a.js", "one\ntwo\n");
  const third = await keep();
  assert.notEqual(third.commit, first.commit);
  assert.deepEqual([third.files, third.insertions, third.deletions], [1, 1, 0]);
});

test("a snapshot taken again for the same restart takes its place", async (t) => {
  const { put, keep, snapshots, run } = await repository(t);
  await keep();
  const second = await keep();
  await put("a.js", "late\n");
  const again = await snapshots.remember(await snapshots.take(), second.n);
  assert.equal(again.n, 2);
  assert.equal(again.files, 1);
  assert.equal(run("show", "refs/inpod/restarts/2:a.js"), "late\n");
  assert.deepEqual(await snapshots.numbers(), [1, 2]);
});

test("the last 50 are kept, and numbers go on after a restart of the agent", async (t) => {
  const { root, snapshots, temporary } = await repository(t);
  const tree = await snapshots.take();
  for (let i = 0; i < 52; i++) await snapshots.remember(tree);
  const numbers = await snapshots.numbers();
  assert.equal(numbers.length, 50);
  assert.equal(numbers[0], 3);
  const next = createSnapshots({ root, git: createGit(root, process.env), temporary });
  assert.equal((await next.remember(tree)).n, 53);
});

test("--to N brings the files back, only those, and can itself be undone", async (t) => {
  const { root, put, read, run, keep, snapshots } = await repository(t);
  const old = await keep();
  await put("a.js", "two\n");
  await mkdir(join(root, "added/deep"), { recursive: true });
  await put("added/deep/c.js", "c\n");
  await rm(join(root, "lib/b.js"));
  await put("secret", "mine");
  await mkdir(join(root, "out"));
  await put("out/server", "binary");
  run("add", "a.js");
  const before = repositoryState(root, run);
  const { undo, written, removed } = await snapshots.restore(old.n);
  assert.deepEqual([written, removed], [2, 1]);
  assert.equal(await read("a.js"), "one\n");
  assert.equal(await read("lib/b.js"), "lib\n");
  assert.equal(existsSync(join(root, "added")), false);
  assert.equal(await read("secret"), "mine");
  assert.equal(await read("out/server"), "binary");
  const { index, head, refs, reflog, stash } = repositoryState(root, run);
  assert.deepEqual(
    { index, head, refs, reflog, stash },
    { index: before.index, head: before.head, refs: before.refs, reflog: before.reflog, stash: before.stash },
  );
  await snapshots.restore(undo);
  assert.equal(await read("a.js"), "two\n");
  assert.equal(await read("added/deep/c.js"), "c\n");
  assert.equal(await read("lib/b.js"), null);
});

test("a file where a folder was, and the other way round, come back", async (t) => {
  const { root, put, read, keep, snapshots } = await repository(t);
  const old = await keep();
  await rm(join(root, "lib"), { recursive: true });
  await put("lib", "a file now");
  await rm(join(root, "a.js"));
  await mkdir(join(root, "a.js"));
  await put("a.js/inner", "x");
  await snapshots.restore(old.n);
  assert.equal(await read("a.js"), "one\n");
  assert.equal(await read("lib/b.js"), "lib\n");
});

test("the diff has new and removed files, and is cut where it is told to", async (t) => {
  const { root, put, keep, snapshots } = await repository(t);
  const { n } = await keep();
  await put("new.js", "hello\n");
  await rm(join(root, "lib/b.js"));
  const diff = await snapshots.diff(n, { cut: 100_000, colour: false });
  assert.match(diff, /\+hello/);
  assert.match(diff, /deleted file[\s\S]*-lib/);
  await put("big.txt", "line\n".repeat(100_000));
  assert.equal((await snapshots.diff(n, { cut: 5000, colour: false })).length, 5000);
});

test("a number that isn't kept is said, with those that are, and changes nothing", async (t) => {
  const { put, read, keep, snapshots } = await repository(t);
  await keep();
  await put("a.js", "two\n");
  await assert.rejects(
    snapshots.restore(7),
    (error: unknown) => error instanceof UnknownRestart && error.numbers.join() === "1",
  );
  assert.equal(await read("a.js"), "two\n");
  assert.deepEqual(await snapshots.numbers(), [1]);
});

test("a repository without a commit, one with hooks and one in a conflict are snapshotted too", async (t) => {
  const fresh = await repository(t, { commit: false });
  assert.equal(fresh.run("ls-tree", "-r", "--name-only", (await fresh.keep()).commit), ".gitignore\na.js\nlib/b.js\n");

  const { root, run, put, keep } = await repository(t);
  run("checkout", "-q", "-b", "side");
  await put("a.js", "side\n");
  run("commit", "-qam", "side");
  run("checkout", "-q", "main");
  await put("a.js", "main\n");
  run("commit", "-qam", "main");
  assert.throws(() => run("merge", "side"));
  await writeFile(join(root, ".git/hooks/reference-transaction"), "#!/bin/sh\ntouch ../hooked\nexit 1\n", {
    mode: 0o755,
  });
  const before = repositoryState(root, run);
  assert.match(run("show", `${(await keep()).commit}:a.js`), /<<<<<<</);
  assert.deepEqual(repositoryState(root, run), before);
  assert.equal(existsSync(join(root, "../hooked")), false);
});

test("a file of a data set that git doesn't know is left out; a repository around the source isn't touched", async (t) => {
  const { root, run, keep, temporary } = await repository(t);
  await writeFile(join(root, "huge.bin"), Buffer.alloc(33 * 1024 * 1024));
  assert.doesNotMatch(run("ls-tree", "-r", "--name-only", (await keep()).commit), /huge/);
  const inner = join(root, "lib");
  const snapshots = createSnapshots({ root: inner, git: createGit(inner, process.env), temporary });
  assert.equal(snapshots.available(), false);
  await assert.rejects(snapshots.take(), /not a git repository/);
});

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./command.ts";
import { withLock } from "./lock.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "inpod-lock-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("only one holds the lock at a time, and nothing is left of it", async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await sleep(20);
    inside--;
  };
  await Promise.all(Array.from({ length: 4 }, () => withLock(join(folder, "a", "one.lock"), work)));
  assert.equal(most, 1);
  assert.deepEqual(await readdir(join(folder, "a")), []);
});

test("work that fails gives the lock back", async () => {
  const path = join(folder, "failing.lock");
  await assert.rejects(
    withLock(path, () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await withLock(path, () => Promise.resolve("again")), "again");
});

test("a lock whose owner was killed is taken over, even when another process has its pid now", async () => {
  const path = join(folder, "stale.lock");
  await mkdir(path);
  const owner = { pid: process.pid, started: "1", boot: "another boot" };
  await writeFile(join(path, "owner"), JSON.stringify(owner));
  assert.equal(await withLock(path, () => Promise.resolve("mine")), "mine");
});

test("a waiter in this process hears of the owner in another", async () => {
  const path = join(folder, "other.lock");
  const holder = new URL("lock.ts", import.meta.url).href;
  const code = `import { withLock } from ${JSON.stringify(holder)};
    await withLock(process.argv[1], async () => { console.log("held"); await new Promise((done) => setTimeout(done, 600)); });`;
  let held!: () => void;
  const isHeld = new Promise<void>((resolve) => (held = resolve));
  const other = run([process.execPath, "--input-type=module", "--eval", code, path], { onLine: () => held() });
  await isHeld;
  const owners: number[] = [];
  await withLock(
    path,
    () => Promise.resolve(),
    (pid) => owners.push(pid),
  );
  assert.equal(owners.length, 1);
  assert.notEqual(owners[0], process.pid);
  await other;
});

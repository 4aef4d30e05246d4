import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createStateFile } from "./state-file.ts";

test("every write that has resolved is on disk, however many come at once; readable by this user only", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "inpod-state-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "deeper/state.json");
  const file = createStateFile(path, assert.ifError);
  assert.equal(await file.read(), undefined);
  for (let round = 0; round < 50; round++) {
    await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const n = round * 5 + i;
        await file.write({ n });
        const { n: written } = JSON.parse(await readFile(path, "utf8"));
        assert.ok(written >= n, `${written} on disk after ${n} was promised`);
      }),
    );
  }
  assert.deepEqual(await file.read(), { n: 249 });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("what can't be written is told, and the next write is tried again", async () => {
  const told: string[] = [];
  const file = createStateFile("/dev/null/state.json", (error) => told.push(error.message));
  await file.write({ a: 1 });
  await file.write({ a: 2 });
  assert.equal(told.length, 2);
});

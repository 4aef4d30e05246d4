import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLivenessFile } from "./liveness-file.ts";

test("a removal never overtakes the restore after it: that would be a request nobody made", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "inpod-liveness-"));
  const path = join(folder, "liveness");
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(path, "");
  const file = createLivenessFile(path, () => {});
  t.after(() => file.close());
  for (let i = 0; i < 200; i++) {
    // The app restarted by itself while the request was being armed: both effects are under way at once.
    const [, won] = await Promise.all([file.remove(), file.restore()]);
    assert.ok(existsSync(path), `round ${i}`);
    assert.ok(won, `round ${i}: nobody else had put it back`);
  }
});

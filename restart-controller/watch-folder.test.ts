import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { watchFolder } from "./watch-folder.ts";

test("tells the name that changed", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "inpod-watch-"));
  const seen = new EventTarget();
  const names: (string | null)[] = [];
  const watcher = watchFolder(folder, (name) => {
    names.push(name);
    seen.dispatchEvent(new Event("change"));
  });
  t.after(async () => {
    watcher.close();
    await rm(folder, { recursive: true });
  });
  const changed = once(seen, "change");
  await writeFile(join(folder, "liveness"), "");
  await changed;
  assert.equal(names[0], "liveness");
});

test("a node without an inotify instance or watch left doesn't end the helper; anything else is told", () => {
  const failing = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };
  for (const limit of ["EMFILE", "ENOSPC"]) watchFolder("/anywhere", () => {}, failing(limit)).close();
  assert.throws(() => watchFolder("/anywhere", () => {}, failing("ENOENT")), /ENOENT/);
});

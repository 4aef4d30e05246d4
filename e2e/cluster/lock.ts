import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { dirname, join } from "node:path";
import { identify, isAlive, parseIdentity } from "./process-identity.ts";

/**
 * Runs `work` while holding a lock folder that other processes on this machine respect. A lock whose owner is gone (a
 * killed test run) is taken over; the owner is known by pid and start time, so that a reused pid doesn't hold it for ever.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait?: (owner: number) => void): Promise<T> {
  const release = await acquire(path, onWait);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(path: string, onWait: ((owner: number) => void) | undefined): Promise<() => Promise<void>> {
  const self = await identify(process.pid);
  await mkdir(dirname(path), { recursive: true });
  let told = false;
  for (;;) {
    if (await create(path, JSON.stringify(self))) return () => rm(path, { recursive: true, force: true });
    const text = await readFile(join(path, "owner"), "utf8").catch(() => undefined);
    const owner = text === undefined ? undefined : parseIdentity(text);
    if (owner !== undefined && !(await isAlive(owner))) {
      // Renaming first makes the take-over atomic: of two waiters only one finds the folder.
      const stale = `${path}.stale-${process.pid}`;
      await rename(path, stale).then(
        () => rm(stale, { recursive: true, force: true }),
        () => {},
      );
      continue;
    }
    if (!told && owner !== undefined) {
      told = true;
      onWait?.(owner.pid);
    }
    await sleep(250);
  }
}

/** The folder appears with its owner already inside: it is written under another name and renamed. */
async function create(path: string, owner: string): Promise<boolean> {
  const fresh = `${path}.new-${process.pid}-${Math.random().toString(36).slice(2)}`;
  await mkdir(fresh);
  await writeFile(join(fresh, "owner"), owner);
  try {
    // rename(2) replaces an *empty* folder only, so it fails while somebody else's owner file is there.
    await rename(fresh, path);
    return true;
  } catch {
    await rm(fresh, { recursive: true, force: true });
    return false;
  }
}

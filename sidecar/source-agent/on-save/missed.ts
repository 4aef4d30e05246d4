import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Wanted } from "./wanted.ts";

/**
 * A file that changed after the oldest of the processes that serve was started; undefined when none did, or when nobody tells. For
 * an agent that was killed: what was saved meanwhile came without an event.
 */
export async function findMissed(
  root: string,
  wanted: Wanted,
  stateFiles: readonly string[],
): Promise<string | undefined> {
  const starts = await Promise.all(stateFiles.map(startOf));
  const known = starts.filter((at) => at !== undefined);
  return known.length === 0 ? undefined : changedSince(root, "", wanted, Math.min(...known));
}

/** From what `kit supervise` says of itself. */
async function startOf(stateFile: string): Promise<number | undefined> {
  try {
    const { startedAt } = JSON.parse(await readFile(stateFile, "utf8")) as { startedAt?: unknown };
    const at = typeof startedAt === "string" ? Date.parse(startedAt) : Number.NaN;
    return Number.isNaN(at) ? undefined : at;
  } catch {
    return undefined;
  }
}

/** By the time of the last change of the file or its name (ctime): a file that was moved here keeps its old mtime. */
async function changedSince(root: string, path: string, wanted: Wanted, since: number): Promise<string | undefined> {
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) {
      const found = wanted.folder(below) ? await changedSince(root, below, wanted, since) : undefined;
      if (found !== undefined) return found;
    } else if (wanted.file(below)) {
      const stat = await lstat(join(root, below)).catch(() => undefined);
      if (stat !== undefined && stat.ctimeMs >= since) return below;
    }
  }
  return undefined;
}

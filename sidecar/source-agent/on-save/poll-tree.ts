import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { SourceTree } from "./source-tree.ts";
import type { Wanted } from "./wanted.ts";

/** How long to rest between two looks: at least this, and ten times what a look takes. */
const rest = 1000;

/** The fall-back where changes aren't told: looks at every file's size, time and inode again and again. */
export function pollSourceTree(deps: {
  readonly root: string;
  readonly wanted: Wanted;
  readonly onChange: (path: string) => void;
  readonly every?: number;
}): SourceTree {
  let seen: Map<string, string> | undefined;
  let folders = 0;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const look = async () => {
    const began = Date.now();
    const now = new Map<string, string>();
    folders = await collect(deps.root, "", deps.wanted, now);
    const before = seen;
    seen = now;
    if (closed) return;
    if (before !== undefined) {
      const changed = [...now].find(([path, mark]) => before.get(path) !== mark)?.[0];
      const gone = changed === undefined ? [...before.keys()].find((path) => !now.has(path)) : undefined;
      const path = changed ?? gone;
      if (path !== undefined) deps.onChange(path);
    }
    timer = setTimeout(() => void look(), Math.max(deps.every ?? rest, 10 * (Date.now() - began)));
  };
  void look();

  return {
    folders: () => folders,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Puts a mark for each file into `into`; the number of folders. */
async function collect(root: string, path: string, wanted: Wanted, into: Map<string, string>): Promise<number> {
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => []);
  let folders = 1;
  for (const entry of entries) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) {
      if (wanted.folder(below)) folders += await collect(root, below, wanted, into);
    } else if (wanted.file(below)) {
      const stat = await lstat(join(root, below)).catch(() => undefined);
      if (stat !== undefined) into.set(below, `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`);
    }
  }
  return folders;
}

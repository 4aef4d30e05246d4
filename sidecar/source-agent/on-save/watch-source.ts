import { randomUUID } from "node:crypto";
import { watch } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pollSourceTree } from "./poll-tree.ts";
import { watchSourceTree, type SourceTree } from "./source-tree.ts";
import type { Wanted } from "./wanted.ts";

/** How long a file system may take to tell of a file that was just written, milliseconds. */
const tellsWithin = 1000;

export interface SourceWatch {
  how(): "events" | "polling";
  close(): void;
}

/**
 * Tells every change of the source: by events, or by polling where they don't arrive, where the node has no watch left, or where
 * it was asked for. `say` gets the reason for polling, once.
 */
export async function watchSource(deps: {
  readonly root: string;
  readonly wanted: Wanted;
  readonly polling: boolean;
  readonly onChange: (path: string) => void;
  readonly say: (sentence: string) => void;
  readonly watch?: typeof watch;
  readonly pollEvery?: number;
}): Promise<SourceWatch> {
  const { root, wanted, onChange } = deps;
  let how: "events" | "polling" = "events";
  let tree: SourceTree | undefined;
  let closed = false;

  const poll = (why?: string) => {
    tree?.close();
    if (closed) return;
    how = "polling";
    tree = pollSourceTree({
      root,
      wanted,
      onChange,
      ...(deps.pollEvery === undefined ? {} : { every: deps.pollEvery }),
    });
    if (why !== undefined)
      deps.say(`${why} On save looks at all files once a second instead, which costs processor time.`);
  };

  if (deps.polling) poll();
  else if (!(await eventsArrive(root, deps.watch ?? watch))) {
    poll(`The file system of ${root} doesn't tell of changes (a file was written there and no event came).`);
  } else {
    tree = watchSourceTree({
      root,
      wanted,
      onChange,
      // Not from within the call: it may come before the tree is known.
      onLimit: (error) => queueMicrotask(() => poll(limitSentence(root, error))),
      ...(deps.watch === undefined ? {} : { watch: deps.watch }),
    });
  }

  return {
    how: () => how,
    close() {
      closed = true;
      tree?.close();
    },
  };
}

/** Writes a file and waits for its event; true also where nothing may be written, because nothing speaks against events there. */
async function eventsArrive(root: string, begin: typeof watch): Promise<boolean> {
  const probe = `.inpod-probe-${randomUUID().slice(0, 8)}`;
  let watcher: ReturnType<typeof watch> | undefined;
  const told = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), tellsWithin).unref();
    try {
      watcher = begin(root, (_, name) => {
        if (name === probe) resolve(true);
      });
      watcher.on("error", () => resolve(true));
    } catch {
      // A limit, or no such folder: the tree meets the same and says it.
      resolve(true);
    }
  });
  try {
    await writeFile(join(root, probe), "");
    return await told;
  } catch {
    return true;
  } finally {
    watcher?.close();
    await rm(join(root, probe), { force: true }).catch(() => {});
  }
}

function limitSentence(root: string, error: NodeJS.ErrnoException): string {
  const fix =
    error.code === "EMFILE"
      ? "the node's limit of inotify instances is reached: raise it there with `sysctl fs.inotify.max_user_instances=1024`"
      : error.code === "ENOSPC"
        ? "the node's limit of inotify watches is reached: raise it there with `sysctl fs.inotify.max_user_watches=524288`, or leave folders out by restart.ignore"
        : error.message;
  return `${root} can't be watched; ${fix}.`;
}

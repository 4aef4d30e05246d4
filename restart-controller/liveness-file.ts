import { open, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { watchFolder } from "./watch-folder.ts";

export interface LivenessFile {
  /** Arms: takes the file away. Fine when it is away already. */
  remove(): Promise<void>;
  /** Puts the file back; false when somebody (the responder) had put it back before, so a probe has taken the request. */
  restore(): Promise<boolean>;
  present(): Promise<boolean>;
  close(): void;
}

/**
 * The file whose absence is a restart request. `onChange(present)` is called at every change, also when the file
 * was away for less time than an event takes to arrive: its inode tells.
 */
export function createLivenessFile(path: string, onChange: (present: boolean) => void): LivenessFile {
  const identity = async () => {
    try {
      const { ino, birthtimeMs } = await stat(path);
      return `${ino}/${birthtimeMs}`;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  };
  let known: string | null | undefined;
  let queue = Promise.resolve();
  // One at a time, in the order they were asked for: a removal that overtook the restore after it would be a new request.
  let changes: Promise<unknown> = Promise.resolve();
  const change = <T>(act: () => Promise<T>): Promise<T> => {
    const done = changes.then(act);
    changes = done.catch(() => {});
    return done;
  };

  const look = () => {
    queue = queue.then(async () => {
      const now = await identity();
      if (now === known) return;
      const unseenRemoval = known !== undefined && known !== null && now !== null;
      known = now;
      if (unseenRemoval) onChange(false);
      onChange(now !== null);
    });
    return queue;
  };

  const watcher = watchFolder(dirname(path), (name) => {
    if (name === null || name === basename(path)) void look();
  });
  // Events can be lost (a full inotify queue): one stat a second is nothing, a lost request is not.
  const poll = setInterval(() => void look(), 1000);
  void look();

  return {
    remove: () =>
      change(async () => {
        await rm(path, { force: true });
        await look();
      }),
    restore: () =>
      change(async () => {
        try {
          const handle = await open(path, "wx", 0o664);
          await handle.chmod(0o664);
          await handle.close();
          // Ours: nobody took the request, so nobody needs to hear that the file is back.
          known = await identity();
          return true;
        } catch (error) {
          if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
          throw error;
        }
      }),
    present: async () => (await identity()) !== null,
    close() {
      clearInterval(poll);
      watcher.close();
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

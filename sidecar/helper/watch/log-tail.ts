import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { StringDecoder } from "node:string_decoder";

/** How often to look without being told; events are lost on some volumes. Milliseconds. */
const pollEvery = 1000;
const chunkSize = 64 * 1024;
/** A line without an end is handed on at this length instead of being kept. */
const longestOpenLine = 64 * 1024;
/** How much of what was there already is read at the start. */
const readBack = 256 * 1024;

export interface LogTail {
  /** Resolves when what was in the file at the call has been handed on. */
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Follows the file that `kit supervise` writes, a ring of two: when `log` is full it becomes `log.1` and a new `log` begins. The
 * open file is read to its end before the next one, so that nothing is lost in between.
 */
export function createLogTail(file: string, onLine: (text: string) => void): LogTail {
  let handle: FileHandle | undefined;
  let inode = 0;
  let position = 0;
  let rest = "";
  let skipping = false;
  let decoder = new StringDecoder("utf8");
  let watcher: FSWatcher | undefined;
  let reading: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let started = false;

  const take = (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      if (skipping) skipping = false;
      else onLine(line.replace(/\r$/, ""));
    }
    if (rest.length > longestOpenLine) {
      if (!skipping) onLine(rest);
      rest = "";
      skipping = true;
    }
  };

  const drain = async (from: FileHandle) => {
    const buffer = Buffer.allocUnsafe(chunkSize);
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, chunkSize, position);
      if (bytesRead === 0 || closed) return;
      position += bytesRead;
      take(decoder.write(buffer.subarray(0, bytesRead)));
    }
  };

  const start = async () => {
    started = true;
    const [older, newer] = await Promise.all([sizeOf(`${file}.1`), sizeOf(file)]);
    if (older > 0 && newer < readBack) {
      const previous = await open(`${file}.1`).catch(() => undefined);
      if (previous !== undefined) {
        position = Math.max(0, older - (readBack - newer));
        skipping = position > 0;
        await drain(previous);
        await previous.close();
        position = 0;
      }
      return;
    }
    position = Math.max(0, newer - readBack);
    skipping = position > 0;
  };

  const look = async () => {
    if (!started) await start();
    const named = await stat(file).catch(() => undefined);
    // Seen as replaced before its last bytes are read, so that none comes after them.
    if (handle !== undefined) await drain(handle);
    if (named !== undefined && named.ino !== inode) await turnTo();
    else if (handle !== undefined && (await handle.stat()).size < position) {
      // Emptied in place.
      position = 0;
      rest = "";
      decoder = new StringDecoder("utf8");
      await drain(handle);
    }
  };

  const turnTo = async () => {
    const fresh = await open(file).catch(() => undefined);
    if (fresh === undefined) return;
    if (handle !== undefined) {
      await handle.close();
      handle = undefined;
      await readMissed(inode);
      position = 0;
    }
    // The first file goes on where start() left off.
    handle = fresh;
    inode = (await fresh.stat()).ino;
    await drain(fresh);
  };

  /** The ring may have turned twice since the last look: then the older file is one that we never had open. */
  const readMissed = async (last: number) => {
    const previous = await open(`${file}.1`).catch(() => undefined);
    if (previous === undefined) return;
    if ((await previous.stat()).ino !== last) {
      position = 0;
      await drain(previous);
    }
    await previous.close();
  };

  const kick = () => {
    if (closed) return;
    if (reading !== undefined) {
      again = true;
      return;
    }
    reading = look()
      .catch(() => {})
      .finally(() => {
        reading = undefined;
        if (again) {
          again = false;
          kick();
        }
      });
  };

  const tryWatch = () => {
    if (watcher !== undefined || closed) return;
    try {
      watcher = watch(dirname(file), (_, name) => {
        if (name === null || name === "log" || name === "log.1") kick();
      });
      watcher.on("error", () => {
        watcher?.close();
        watcher = undefined;
      });
      watcher.unref();
    } catch {
      // No folder yet, or out of inotify watches: the poll goes on.
    }
  };

  const poll = setInterval(() => {
    tryWatch();
    kick();
  }, pollEvery).unref();
  tryWatch();
  kick();

  return {
    async caughtUp() {
      // The look under way may be past the end already, so one more.
      for (let looks = 0; looks < 2; looks++) {
        kick();
        await reading;
      }
    },
    async close() {
      closed = true;
      clearInterval(poll);
      watcher?.close();
      await reading;
      await handle?.close();
    },
  };
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

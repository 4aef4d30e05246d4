import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** How often to look without being told; events are lost on some volumes. Milliseconds. */
const pollEvery = 1000;
const chunkSize = 64 * 1024;
/** A line without an end is handed on at this length instead of being kept. */
const longestOpenLine = 64 * 1024;
/** How much of what was there already is read at the start. */
const readBack = 256 * 1024;

/** How far a log has been read: the file and the byte after a line's end. */
export interface LogPlace {
  readonly inode: number;
  readonly end: number;
}

export interface LogTail {
  /** Resolves when what was in the file at the call has been handed on. */
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Follows the file that `kit supervise` writes, a ring of two: when `log` is full it becomes `log.1` and a new `log` begins. The
 * open file is read to its end before the next one, so that nothing is lost in between.
 * @param onLine `old` are the lines that an earlier tail, which had come to `resume`, has handed on already
 */
export function createLogTail(
  file: string,
  onLine: (text: string, place: LogPlace, old: boolean) => void,
  resume?: LogPlace,
): LogTail {
  let handle: FileHandle | undefined;
  let inode = 0;
  let position = 0;
  /** Bytes of a line whose end hasn't come yet. */
  let rest: Buffer = Buffer.alloc(0);
  let skipping = false;
  /** Where the new lines of the file that is being read begin. */
  let oldUntil = 0;
  let watcher: FSWatcher | undefined;
  let reading: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let started = false;

  /** `position` is the byte after the chunk. */
  const take = (chunk: Buffer, of: number) => {
    const whole = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const before = position - whole.length;
    const tell = (line: Buffer, end: number) => {
      const text = line.toString("utf8");
      onLine(text.endsWith("\r") ? text.slice(0, -1) : text, { inode: of, end }, end <= oldUntil);
    };
    let from = 0;
    for (let end = whole.indexOf(10); end !== -1; end = whole.indexOf(10, from)) {
      if (skipping) skipping = false;
      else tell(whole.subarray(from, end), before + end + 1);
      from = end + 1;
    }
    // A copy: the chunk's memory is read into again.
    rest = Buffer.from(whole.subarray(from));
    if (rest.length > longestOpenLine) {
      if (!skipping) tell(rest, position);
      rest = Buffer.alloc(0);
      skipping = true;
    }
  };

  const drain = async (from: FileHandle, of: number) => {
    const buffer = Buffer.allocUnsafe(chunkSize);
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, chunkSize, position);
      if (bytesRead === 0 || closed) return;
      position += bytesRead;
      take(buffer.subarray(0, bytesRead), of);
    }
  };

  const start = async () => {
    started = true;
    const [olderFile, newerFile] = await Promise.all([lookAt(`${file}.1`), lookAt(file)]);
    const [older, newer] = [olderFile.size, newerFile.size];
    const oldOf = ({ ino }: { ino: number }) => (resume?.inode === ino ? resume.end : 0);
    if (older > 0 && newer < readBack) {
      const previous = await open(`${file}.1`).catch(() => undefined);
      if (previous !== undefined) {
        position = Math.max(0, older - (readBack - newer));
        skipping = position > 0;
        // An earlier tail that was in the newer file has handed on all of the older one.
        oldUntil = resume?.inode === newerFile.ino ? Number.POSITIVE_INFINITY : oldOf(olderFile);
        await drain(previous, olderFile.ino);
        await previous.close();
        position = 0;
      }
      oldUntil = oldOf(newerFile);
      return;
    }
    oldUntil = oldOf(newerFile);
    position = Math.max(0, newer - readBack);
    skipping = position > 0;
  };

  const look = async () => {
    if (!started) await start();
    const named = await stat(file).catch(() => undefined);
    // Seen as replaced before its last bytes are read, so that none comes after them.
    if (handle !== undefined) await drain(handle, inode);
    if (named !== undefined && named.ino !== inode) await turnTo();
    else if (handle !== undefined && (await handle.stat()).size < position) {
      // Emptied in place.
      position = 0;
      oldUntil = 0;
      rest = Buffer.alloc(0);
      await drain(handle, inode);
    }
  };

  const turnTo = async () => {
    const fresh = await open(file).catch(() => undefined);
    if (fresh === undefined) return;
    if (handle !== undefined) {
      await handle.close();
      handle = undefined;
      oldUntil = 0;
      await readMissed(inode);
      position = 0;
    }
    // The first file goes on where start() left off.
    handle = fresh;
    inode = (await fresh.stat()).ino;
    await drain(fresh, inode);
  };

  /** The ring may have turned twice since the last look: then the older file is one that we never had open. */
  const readMissed = async (last: number) => {
    const previous = await open(`${file}.1`).catch(() => undefined);
    if (previous === undefined) return;
    const { ino } = await previous.stat();
    if (ino !== last) {
      position = 0;
      await drain(previous, ino);
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

async function lookAt(file: string): Promise<{ size: number; ino: number }> {
  return stat(file).catch(() => ({ size: 0, ino: -1 }));
}

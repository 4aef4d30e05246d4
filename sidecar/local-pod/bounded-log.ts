import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";

export interface BoundedLog {
  readonly path: string;
  write(chunk: Uint8Array): void;
  /** The last lines, for an error's sentence. */
  tail(lines: number): string;
  close(): void;
}

/** A log file of at most `limit` bytes and one older part of the same size beside it (`.1`). */
export function createBoundedLog(path: string, limit = 1024 * 1024): BoundedLog {
  let fd: number | undefined = openSync(path, "w", 0o600);
  let size = 0;
  return {
    path,
    write(chunk) {
      if (fd === undefined) return;
      if (size > 0 && size + chunk.length > limit) {
        closeSync(fd);
        renameSync(path, `${path}.1`);
        fd = openSync(path, "w", 0o600);
        size = 0;
      }
      try {
        writeSync(fd, chunk.subarray(-limit));
        size += Math.min(chunk.length, limit);
      } catch {
        // A full disk must not end the pod; its programs say what they can't write themselves.
      }
    },
    tail: (lines) => readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n"),
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";

/** One JSON file for state that survives its program's restart. */
export interface StateFile {
  /** The parsed content; undefined when there is none or it isn't JSON. */
  read(): Promise<unknown>;
  /** Resolves when the state is on disk, or when it couldn't be written, which `onError` is told. */
  write(state: object): Promise<void>;
}

/**
 * Each write goes to a temporary name and is renamed, readable by this user only. Written in one go and not by the thread pool: on a
 * busy node its five turns cost several milliseconds, which every restart would wait for; the file is some kilobytes.
 */
export function createStateFile(path: string, onError: (error: Error) => void): StateFile {
  const fresh = `${path}.new`;
  const put = (text: string) => {
    try {
      writeFileSync(fresh, text, { mode: 0o600 });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(fresh, text, { mode: 0o600 });
    }
    renameSync(fresh, path);
  };

  return {
    async read() {
      try {
        return JSON.parse(await readFile(path, "utf8"));
      } catch {
        return undefined;
      }
    },
    write(state) {
      try {
        put(JSON.stringify(state));
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)));
      }
      return Promise.resolve();
    },
  };
}

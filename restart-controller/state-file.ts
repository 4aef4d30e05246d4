import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** One JSON file for state that survives its program's restart. */
export interface StateFile {
  /** The parsed content; undefined when there is none or it isn't JSON. */
  read(): Promise<unknown>;
  /** Resolves when this or a newer state is on disk, or when it couldn't be written, which `onError` is told. */
  write(state: object): Promise<void>;
}

/** One write at a time, the latest wins; each goes to a temporary name and is renamed, readable by this user only. */
export function createStateFile(path: string, onError: (error: Error) => void): StateFile {
  let pending: object | null = null;
  let writing: Promise<void> | null = null;

  const put = async (state: object) => {
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
      await rename(`${path}.new`, path);
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const drain = async () => {
    while (pending !== null) {
      const state = pending;
      pending = null;
      await put(state);
    }
    // In the same step as the last look at `pending`: nobody can slip one in between.
    writing = null;
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
      pending = state;
      writing ??= drain();
      return writing;
    },
  };
}

import { watch } from "node:fs";

export interface FolderWatch {
  close(): void;
}

/**
 * Calls back with the name that changed in a folder, or null when it isn't known. Only ever a hint: where the node has no
 * inotify instance or watch left (limits per user and node) there are no calls, so whoever relies on it polls as well.
 */
export function watchFolder(
  folder: string,
  onChange: (name: string | null) => void,
  begin: typeof watch = watch,
): FolderWatch {
  try {
    const watcher = begin(folder, (_, name) => onChange(name));
    // Unheard, an error would end the program.
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch (error) {
    if (!isLimit(error)) throw error;
    return { close() {} };
  }
}

function isLimit(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENOSPC");
}

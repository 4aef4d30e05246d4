import { lstatSync, readdirSync, watch as watchPath } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Wanted } from "./wanted.ts";

export interface SourceTree {
  /** Folders watched. */
  folders(): number;
  close(): void;
}

interface Folder {
  readonly inode: string;
  readonly watcher: { close(): void };
  readonly children: Map<string, Folder>;
  /** It has a file of its own name: an event of that name may be the file's, else it is the folder's own (rights, removal). */
  namesake: boolean;
}

/**
 * Calls back for every change below a folder, at once and without reading the file: one inotify watch for each folder, none for files.
 * Everything is synchronous, so a folder that has just appeared is watched before its appearance is told: what was written into it
 * unseen was written before the call. `onLimit` is called once, when the node has no watch left.
 */
export function watchSourceTree(deps: {
  readonly root: string;
  readonly wanted: Wanted;
  readonly onChange: (path: string) => void;
  readonly onLimit: (error: NodeJS.ErrnoException) => void;
  readonly watch?: typeof watchPath;
}): SourceTree {
  const { root, wanted } = deps;
  const watch = deps.watch ?? watchPath;
  let top: Folder | undefined;
  let count = 0;
  /** Grows with each folder that is opened or let go. */
  let turns = 0;
  let closed = false;

  const fail = (error: unknown) => {
    if (closed || !isErrno(error)) throw error;
    // Gone again already: its parent's watch tells.
    if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "EACCES") return;
    close();
    deps.onLimit(error);
  };

  /** Opens what isn't watched yet at and below a folder, and lets go of what isn't there any more. */
  const open = (path: string, known: Folder | undefined): Folder | undefined => {
    const inode = inodeOf(join(root, path));
    if (inode === undefined || closed) {
      drop(known);
      return undefined;
    }
    let folder = known?.inode === inode ? known : undefined;
    if (folder === undefined) {
      drop(known);
      try {
        const watcher = watch(join(root, path), (type, name) => heard(path, fresh, type, name));
        watcher.on("error", () => watcher.close());
        const fresh: Folder = { inode, watcher, children: new Map(), namesake: false };
        folder = fresh;
        count++;
        turns++;
      } catch (error) {
        fail(error);
        return undefined;
      }
    }
    folder.namesake = exists(join(root, path, basename(path)));
    const names = new Set(foldersIn(join(root, path)).filter((name) => wanted.folder(join(path, name))));
    for (const [name, child] of folder.children) {
      if (names.has(name)) continue;
      drop(child);
      folder.children.delete(name);
    }
    for (const name of names) put(folder.children, name, open(join(path, name), folder.children.get(name)));
    return folder;
  };

  const heard = (path: string, folder: Folder, type: string, name: string | null) => {
    if (closed) return;
    if (name === null) {
      deps.onChange(path);
      return;
    }
    const changed = join(path, name);
    if (name === basename(path)) {
      const was = folder.namesake;
      folder.namesake = exists(join(root, changed));
      if (!was && !folder.namesake) return;
    }
    const known = folder.children.get(name);
    if (known === undefined && (type === "change" || inodeOf(join(root, changed)) === undefined)) {
      if (wanted.file(changed)) deps.onChange(changed);
      return;
    }
    if (!wanted.folder(changed)) return;
    const before = turns;
    put(folder.children, name, open(changed, known));
    // A folder's own times and rights are nobody's source.
    if (turns !== before) deps.onChange(changed);
  };

  const drop = (folder: Folder | undefined) => {
    if (folder === undefined) return;
    folder.watcher.close();
    count--;
    turns++;
    for (const child of folder.children.values()) drop(child);
    folder.children.clear();
  };

  const close = () => {
    closed = true;
    above?.close();
    drop(top);
    top = undefined;
  };

  // The source itself may be moved away and back; where it is a mount, it can't be.
  let above: { close(): void } | undefined;
  try {
    const watcher = watch(dirname(root), (_, name) => {
      if (closed || name !== basename(root)) return;
      if (inodeOf(root) === top?.inode) return;
      top = open("", top);
      if (top !== undefined) deps.onChange("");
    });
    watcher.on("error", () => watcher.close());
    above = watcher;
  } catch (error) {
    fail(error);
  }
  if (!closed) top = open("", undefined);

  return { folders: () => count, close };
}

function put(children: Map<string, Folder>, name: string, folder: Folder | undefined): void {
  if (folder === undefined) children.delete(name);
  else children.set(name, folder);
}

/** Of a folder; undefined for everything else. A folder that was replaced has another. */
function inodeOf(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true ? `${stat.dev}:${stat.ino}:${stat.birthtimeMs}` : undefined;
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error;
}

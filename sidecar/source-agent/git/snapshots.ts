import { copyFile, lstat, mkdtemp, rm, rmdir, utimes } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Ran } from "../../protocol/index.ts";
import type { Git } from "./git.ts";

const prefix = "refs/inpod/restarts/";
const kept = 50;
/** Files that git doesn't know and that are larger are left out: a copy of a data set in .git helps nobody, bytes. */
const largest = 32 * 1024 * 1024;

export interface Snapshots {
  /** True where the source is a git repository of its own. */
  available(): boolean;
  /** Writes the present files (tracked, and untracked but not ignored) as a tree; nothing of the repository but its objects changes. */
  take(): Promise<string>;
  /** Keeps a tree as the next restart's, or in the place of `again`'s. */
  remember(tree: string, again?: number): Promise<Ran>;
  numbers(): Promise<readonly number[]>;
  /** What changed from what restart N ran to the present files; at most `cut` bytes. */
  diff(n: number, options: { cut: number; colour: boolean }): Promise<string>;
  /** Brings back the files that restart N ran; the number under which those that were there before are kept. */
  restore(n: number): Promise<{ undo: number; written: number; removed: number }>;
}

/** The number isn't, or is no longer, kept. */
export class UnknownRestart extends Error {
  readonly numbers: readonly number[];
  constructor(n: number, numbers: readonly number[]) {
    super(`restart ${n} is not kept`);
    this.numbers = numbers;
  }
}

export function createSnapshots({ root, git, temporary }: { root: string; git: Git; temporary: string }): Snapshots {
  let last: { tree: string; commit: string } | undefined;
  // One at a time: two would take the same number.
  let queue: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work);
    queue = done.catch(() => {});
    return done;
  };

  /** A copy of the index knows the times of the files, so only what changed is read. */
  const withIndex = async <T>(work: (index: string) => Promise<T>): Promise<T> => {
    const folder = await mkdtemp(join(temporary, "inpod-index-"));
    try {
      return await work(join(folder, "index"));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  const take = () =>
    withIndex(async (index) => {
      const theirs = (await git(["rev-parse", "--git-path", "index"])).trim();
      await copyIndex(join(root, theirs), index).catch(ignoreMissing);
      const listed = await git(["ls-files", "-z", "-t", "--modified", "--others", "--exclude-standard"], { index });
      const changed = new Map<string, string>();
      for (const line of listed.split("\0"))
        if (line !== "" && !line.endsWith("/")) changed.set(line.slice(2), line.slice(0, 1));
      const gone: string[] = [];
      const there: string[] = [];
      for (const [path, mark] of changed) {
        const stat = await lstat(join(root, path)).catch(() => undefined);
        // A folder where a file was; one with a .git is a submodule.
        if (stat === undefined || (stat.isDirectory() && !existsSync(join(root, path, ".git")))) gone.push(path);
        else if (mark !== "?" || stat.size <= largest) there.push(path);
      }
      const update = (how: string[], paths: string[]) =>
        paths.length === 0
          ? undefined
          : git(["update-index", ...how, "-z", "--stdin"], { index, stdin: paths.map((path) => `${path}\0`).join("") });
      await update(["--force-remove"], gone);
      await update(["--add", "--remove", "--replace"], there);
      return (await git(["write-tree"], { index })).trim();
    });

  const list = async () => {
    const text = await git(["for-each-ref", "--format=%(refname) %(objectname) %(tree)", prefix]);
    return text
      .split("\n")
      .flatMap((line) => {
        const [name = "", commit = "", tree = ""] = line.split(" ");
        const n = Number(name.slice(prefix.length));
        return Number.isInteger(n) && n > 0 ? [{ n, commit, tree }] : [];
      })
      .toSorted((a, b) => a.n - b.n);
  };

  const known = async (n: number) => {
    const all = await list();
    const found = all.find((one) => one.n === n);
    if (found === undefined)
      throw new UnknownRestart(
        n,
        all.map((one) => one.n),
      );
    return found;
  };

  const commit = async (tree: string, n: number, parent: string | undefined) => {
    const args = ["commit-tree", tree, "-m", `inpod: what restart ${n} ran`];
    return (await git(parent === undefined ? args : [...args, "-p", parent])).trim();
  };

  const remember = async (tree: string, again?: number): Promise<Ran> => {
    const all = await list();
    const newest = all.at(-1);
    const n = again ?? (newest?.n ?? 0) + 1;
    const before = again === undefined ? newest : all.findLast((one) => one.n < n);
    const same = before?.tree === tree ? before.commit : last?.tree === tree ? last.commit : undefined;
    const head = same === undefined ? await git(["rev-parse", "--verify", "--quiet", "HEAD"]).catch(() => "") : "";
    const id = same ?? (await commit(tree, n, head.trim() === "" ? undefined : head.trim()));
    last = { tree, commit: id };
    const dropped = all.slice(0, Math.max(0, all.length + (again === undefined ? 1 : 0) - kept));
    const lines = [`update ${prefix}${n} ${id}`, ...dropped.map((one) => `delete ${prefix}${one.n}`)];
    await git(["update-ref", "--no-deref", "--stdin"], { stdin: `${lines.join("\n")}\n` });
    return {
      n,
      commit: id,
      ...(before === undefined || before.tree === tree ? none : await stat(git, before.tree, tree)),
    };
  };

  return {
    available: () => existsSync(join(root, ".git")),
    take: () => alone(take),
    remember: (tree, again) => alone(() => remember(tree, again)),
    numbers: async () => (await list()).map(({ n }) => n),
    diff: (n, { cut, colour }) =>
      alone(async () => {
        const { tree } = await known(n);
        const now = await take();
        return git(["diff", "--no-ext-diff", `--color=${colour ? "always" : "never"}`, tree, now], { cut });
      }),
    restore: (n) =>
      alone(async () => {
        const wanted = await known(n);
        const now = await take();
        const { n: undo } = await remember(now);
        const { write, remove } = changes(
          await git(["diff-tree", "-r", "-z", "--no-renames", "--raw", now, wanted.tree]),
        );
        for (const path of remove) {
          await rm(join(root, path), { force: true });
          await removeEmpty(root, dirname(path));
        }
        if (write.length > 0) {
          await withIndex(async (index) => {
            await git(["read-tree", wanted.tree], { index });
            await git(["checkout-index", "--force", "-z", "--stdin"], {
              index,
              stdin: write.map((path) => `${path}\0`).join(""),
            });
          });
        }
        return { undo, written: write.length, removed: remove.length };
      }),
  };
}

const none = { files: 0, insertions: 0, deletions: 0 };

async function stat(git: Git, from: string, to: string) {
  const text = await git(["diff-tree", "-r", "--shortstat", from, to]);
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(text)?.[1] ?? 0);
  return { files: count("file"), insertions: count("insertion"), deletions: count("deletion") };
}

/** Of `diff-tree --raw -z`: `:mode mode id id STATUS\0path\0`. Submodules are left as they are. */
function changes(raw: string): { write: string[]; remove: string[] } {
  const write: string[] = [];
  const remove: string[] = [];
  const parts = raw.split("\0");
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [from = "", to = "", , , status = ""] = (parts[i] ?? "").slice(1).split(" ");
    const path = parts[i + 1] ?? "";
    if (from === "160000" || to === "160000" || path === "") continue;
    (status === "D" ? remove : write).push(path);
  }
  return { write, remove };
}

/** Like git: a folder whose last file went goes too. */
async function removeEmpty(root: string, path: string): Promise<void> {
  for (let folder = path; folder !== "." && folder !== "/"; folder = dirname(folder)) {
    try {
      await rmdir(join(root, folder));
    } catch {
      return;
    }
  }
}

/**
 * With its time: git compares whole seconds, and reads a file anew that is no older than the index. A younger copy would hide an
 * edit of the same second and size.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  const { atime, mtime } = await lstat(from);
  await copyFile(from, to);
  await utimes(to, atime, mtime);
}

/** A repository without a commit has no index yet. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

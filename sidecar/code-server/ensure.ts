import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CodeServerError } from "./errors.ts";
import { type Archive, installFromArchive } from "./from-archive.ts";
import { checkWhole, installFromNpm } from "./from-npm.ts";
import { codeServerOnPath, fits } from "./on-path.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import type { Progress } from "./phases.ts";
import { codeServerNodeMajor, codeServerVersion } from "./version.ts";

export interface CodeServer {
  readonly version: string;
  readonly source: "path" | "archive" | "npm";
  /** What to run: the program and its first arguments; flags and the folder follow. */
  readonly command: readonly [string, ...string[]];
  /** Folder with `out`, `lib/vscode` and `node_modules`; undefined for one found on the PATH. */
  readonly root?: string;
  /** Folder of its built-in extensions; undefined where one from the PATH keeps them somewhere unheard of. */
  readonly extensions?: string;
}

export interface EnsureOptions {
  /** inpod's cache folder; code-server lands in `<cache>/code-server-<version>`. */
  readonly cache: string;
  readonly progress: Progress;
  /** Program file of a Node 24, which will run code-server. */
  readonly node: string;
  /** For npm and what it runs. */
  readonly env: NodeJS.ProcessEnv;
  /** The PATH to look on first; empty to take none but inpod's own (an image needs the files). */
  readonly path: string;
  /** A release archive to use instead of npm (INPOD_CODE_SERVER_ARCHIVE, INPOD_CODE_SERVER_SHA256). */
  readonly archive?: Archive;
}

/**
 * A code-server that fits, found or installed: from the PATH, else from the cache, else from the named release archive,
 * else from npm. Safe to call from several processes at once: one installs, the others wait; what is cut short is
 * never mistaken for whole.
 */
export async function ensureCodeServer(options: EnsureOptions): Promise<CodeServer> {
  const found = await codeServerOnPath(options.path);
  if (found !== undefined && fits(found.version)) {
    const extensions = await extensionsBeside(found.program);
    return {
      version: found.version,
      source: "path",
      command: [found.program],
      ...(extensions === undefined ? {} : { extensions }),
    };
  }
  const root = join(options.cache, `code-server-${codeServerVersion}`);
  if (await exists(root)) return installed(root, options);
  if (found !== undefined) {
    options.progress(
      `code-server ${found.version} on the PATH (${found.program}) is not ${codeServerVersion}: installing that one for inpod`,
    );
  }
  return oneAtATime(
    basename(root),
    async () => {
      if (!(await exists(root))) await install(root, options);
      return installed(root, options);
    },
    () => options.progress(`code-server ${codeServerVersion}: another process is installing it; waiting`),
  );
}

async function install(root: string, { node, env, progress, archive }: EnsureOptions): Promise<void> {
  await makeFolder(dirname(root));
  await removeLeftovers(root);
  const target = `${root}.part-${process.pid}`;
  try {
    await mkdir(target);
    if (archive === undefined) {
      checkNode(node);
      await installFromNpm({ target, node, env, progress });
      await checkWhole(target, node, env);
    } else {
      await installFromArchive(target, archive, progress);
    }
    await rename(target, root).catch(async (error: NodeJS.ErrnoException) => {
      // Somebody in another network namespace was faster: theirs is as good.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } catch (error) {
    throw explained(error, dirname(root));
  } finally {
    await rm(target, { recursive: true, force: true });
  }
  progress(`code-server ${codeServerVersion}: ready in ${root}`);
}

async function installed(root: string, { node }: EnsureOptions): Promise<CodeServer> {
  // A release archive brings its own Node; npm's package runs under ours.
  const own = join(root, "lib/node");
  const archive = await exists(own);
  return {
    version: codeServerVersion,
    source: archive ? "archive" : "npm",
    command: [archive ? own : node, join(root, "out/node/entry.js")],
    root,
    extensions: join(root, "lib/vscode/extensions"),
  };
}

/** `<root>/bin/code-server` of an archive, `<root>/out/node/entry.js` of npm's package, or the Debian package's wrapper. */
async function extensionsBeside(program: string): Promise<string | undefined> {
  for (const root of [dirname(dirname(program)), dirname(dirname(dirname(program))), "/usr/lib/code-server"]) {
    const folder = join(root, "lib/vscode/extensions");
    if (await exists(folder)) return folder;
  }
  return undefined;
}

function checkNode(node: string): void {
  const major = Number(process.versions.node.split(".")[0]);
  if (node !== process.execPath || major === codeServerNodeMajor) return;
  throw new CodeServerError(
    "INPOD_NODE_VERSION",
    `code-server ${codeServerVersion} runs under Node ${codeServerNodeMajor} only, and this is Node ${process.versions.node}.`,
    "Start through `npm start`: it brings the right one.",
  );
}

/** Parts of installations whose process is gone. */
async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(dirname(root))) {
    const pid = new RegExp(`^${RegExp.escape(basename(root))}\\.part-(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && !(await exists(`/proc/${pid}`)))
      await rm(join(dirname(root), name), { recursive: true, force: true });
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw explained(cause, folder);
  });
}

function explained(error: unknown, folder: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new CodeServerError(
      "INPOD_DISK_FULL",
      `The disk is full: code-server ${codeServerVersion} doesn't fit into ${folder}.`,
      "Free about 1 GB there, or put the cache elsewhere with INPOD_CACHE=FOLDER, then run the same command again.",
      { cause: error },
    );
  }
  if (code === "EACCES" || code === "EROFS" || code === "EPERM" || code === "EEXIST" || code === "ENOTDIR") {
    return new CodeServerError(
      "INPOD_FOLDER_READONLY",
      `The cache folder ${folder} can't be written (${code}).`,
      "Make it your own, or put the cache elsewhere with INPOD_CACHE=FOLDER.",
      { cause: error },
    );
  }
  return error;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

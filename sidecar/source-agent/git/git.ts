import { spawn } from "node:child_process";
import { setPriority } from "node:os";

/** Longest time and largest answer of one call of git. */
const within = 60_000;
const most = 64 * 1024 * 1024;

export interface Git {
  /** Runs git in the source; its stdout. Rejects with git's own words when it fails. */
  (args: readonly string[], options?: GitOptions): Promise<string>;
}

export interface GitOptions {
  readonly index?: string;
  readonly stdin?: string;
  /** Cut the answer there instead of failing, bytes. */
  readonly cut?: number;
}

/**
 * git as a quiet guest of somebody's repository: none of their hooks, no reflog, no background work, no lock that isn't needed, and at low
 * priority, so that it doesn't take the processor from an app that is starting.
 */
export function createGit(root: string, env: Readonly<Record<string, string | undefined>>): Git {
  const settings = [
    "core.hooksPath=/dev/null",
    "core.logAllRefUpdates=false",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.safecrlf=false",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "diff.external=",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
  ].flatMap((setting) => ["-c", setting]);
  const own = Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith("GIT_") || name.startsWith("GIT_CONFIG_")),
  );
  return (args, { index, stdin, cut } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn("git", [...settings, "--literal-pathspecs", "--no-pager", "-C", root, ...args], {
        env: {
          ...own,
          LC_ALL: "C",
          GIT_OPTIONAL_LOCKS: "0",
          GIT_TERMINAL_PROMPT: "0",
          // Only a repository of the source itself: one around it isn't ours to write to.
          GIT_CEILING_DIRECTORIES: root.slice(0, root.lastIndexOf("/")) || "/",
          GIT_AUTHOR_NAME: "inpod",
          GIT_AUTHOR_EMAIL: "inpod@localhost",
          GIT_COMMITTER_NAME: "inpod",
          GIT_COMMITTER_EMAIL: "inpod@localhost",
          ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
        },
        stdio: ["pipe", "pipe", "pipe"],
        timeout: within,
        killSignal: "SIGKILL",
      });
      if (child.pid !== undefined) quieten(child.pid);
      const out: Buffer[] = [];
      let size = 0;
      let words = "";
      child.stdout.on("data", (chunk: Buffer) => {
        size += chunk.length;
        out.push(chunk);
        if (size > (cut ?? most)) child.kill("SIGKILL");
      });
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        if (words.length < 4000) words += chunk;
      });
      child.on("error", reject);
      child.on("close", (code, signal) => {
        const text = Buffer.concat(out);
        if (cut !== undefined && size > cut) return resolve(text.subarray(0, cut).toString("utf8"));
        if (code === 0) return resolve(text.toString("utf8"));
        return reject(new Error(`git ${args[0]} failed (${signal ?? code}): ${words.trim().slice(0, 500)}`));
      });
      child.stdin.on("error", () => {});
      child.stdin.end(stdin ?? "");
    });
}

function quieten(pid: number): void {
  try {
    setPriority(pid, 10);
  } catch {
    // Over already.
  }
}

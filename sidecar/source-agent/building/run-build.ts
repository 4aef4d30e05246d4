import { spawn } from "node:child_process";
import type { BuildReport } from "../../protocol/index.ts";
import { parseProblems } from "./problems.ts";

/** The end of the output, where compilers say what was wrong, bytes. */
const outputKept = 256 * 1024;
const lastLines = 40;
const longestLine = 500;
/** Between SIGTERM and SIGKILL to the build's group, milliseconds. */
const grace = 500;

/** By `sh -c`, or a program with its arguments. */
export type BuildCommand = string | readonly [string, ...string[]];

/**
 * Runs the build to its end; undefined when it was cancelled. A build that is cancelled or takes too long is ended with everything it
 * has started, and this resolves when it is gone.
 */
export function runBuild(deps: {
  readonly command: BuildCommand;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  readonly cancel: AbortSignal;
}): Promise<BuildReport | undefined> {
  const { command, cancel } = deps;
  const began = Date.now();
  const [program, ...args] = typeof command === "string" ? (["/bin/sh", "-c", command] as const) : command;
  return new Promise((resolve) => {
    if (cancel.aborted) return resolve(undefined);
    const child = spawn(program, args, {
      cwd: deps.cwd,
      env: deps.env,
      // A group of its own, so that the compilers it starts can be ended with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = Buffer.alloc(0);
    let late = false;
    const keep = (chunk: Buffer) => {
      output = Buffer.concat([output, chunk]);
      if (output.length > outputKept * 2) output = output.subarray(-outputKept);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);

    const toGroup = (signal: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // Nobody is left in it.
      }
    };
    let killer: NodeJS.Timeout | undefined;
    const end = () => {
      toGroup("SIGTERM");
      killer ??= setTimeout(() => toGroup("SIGKILL"), grace);
    };
    const timer = setTimeout(() => {
      late = true;
      end();
    }, deps.timeoutMs);
    cancel.addEventListener("abort", end);

    const finish = (report: BuildReport) => {
      clearTimeout(timer);
      clearTimeout(killer);
      cancel.removeEventListener("abort", end);
      // What it has left behind in its group: a build has an end.
      toGroup("SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      const all = { ...report, took: Date.now() - began };
      resolve(cancel.aborted ? undefined : all);
    };
    const failed = (why: string) => {
      const text = output.subarray(-outputKept).toString("utf8");
      finish({ ok: false, why, problems: parseProblems(text), log: tail(text) });
    };
    child.on("error", (error: NodeJS.ErrnoException) =>
      failed(
        error.code === "ENOENT"
          ? `there is no program "${program}" on the IDE's PATH, or no folder ${deps.cwd}`
          : error.message,
      ),
    );
    child.on("exit", (code, signal) => {
      // What is still in the pipes comes first; who inherited them must not hold us.
      setTimeout(
        () => {
          if (late) failed(`the build took longer than ${deps.timeoutMs / 1000} s and was ended`);
          else if (code === 0) finish({ ok: true });
          else failed(signal === null ? `the build failed with exit code ${code}` : `the build was ended by ${signal}`);
        },
        drained(child.stdout, child.stderr) ? 0 : 50,
      );
    });
  });
}

const drained = (...streams: { readableEnded: boolean }[]) => streams.every(({ readableEnded }) => readableEnded);

function tail(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .slice(-lastLines)
    .map((line) => line.slice(0, longestLine));
}

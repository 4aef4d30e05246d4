import { type ChildProcess, spawn } from "node:child_process";
import { belongings, containerMark, endBelongings, podMark, signal } from "./belongings.ts";
import type { BoundedLog } from "./bounded-log.ts";

export interface ContainerSpec {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Path of the local pod's folder: the mark of what belongs to it. */
  readonly pod: string;
}

/** One run of a container's first process and everything that it started. */
export interface ContainerRun {
  readonly startedAt: number;
  /** Resolves when the first process has ended and nothing of the container is left. */
  readonly ended: Promise<void>;
  /** SIGTERM to the first process, SIGKILL to all of it after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Starts it. As in a container, the end of the first process is the end of all the others. */
export function runContainer(spec: ContainerSpec, log: BoundedLog): ContainerRun {
  const marks = { [podMark]: spec.pod, [containerMark]: spec.name };
  const [program, ...args] = spec.argv;
  const child: ChildProcess = spawn(program, args, {
    cwd: spec.cwd,
    env: { ...spec.env, ...marks },
    // A group of its own: Ctrl-C in the terminal is for the main process, which then stops everything in order.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const write = (chunk: Buffer) => log.write(chunk);
  child.stdout?.on("data", write);
  child.stderr?.on("data", write);
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      log.write(Buffer.from(`${program} can't be started: ${error.message}\n`));
      resolve();
    });
    child.on("exit", () => resolve());
  }).then(() => endBelongings(marks, 0));
  return {
    startedAt: Date.now(),
    ended,
    async stop(graceMs) {
      if (child.pid !== undefined && child.exitCode === null) signal(child.pid, "SIGTERM");
      const timer = setTimeout(() => {
        for (const pid of belongings(marks)) signal(pid, "SIGKILL");
      }, graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

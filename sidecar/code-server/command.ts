import { spawn } from "node:child_process";

export interface CommandResult {
  /** 127 when the program doesn't exist. */
  readonly code: number;
  /** The last 256 KiB of stdout and stderr, in the order they came. */
  readonly output: string;
}

const kept = 256 * 1024;

/** Runs a program to its end and hands back what it said; never throws for an exit code. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    const add = (chunk: string) => {
      output = (output + chunk).slice(-kept);
    };
    child.stdout.setEncoding("utf8").on("data", add);
    child.stderr.setEncoding("utf8").on("data", add);
    child.on("error", (error) => resolve({ code: 127, output: `${output}${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

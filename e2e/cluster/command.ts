import { spawn } from "node:child_process";
import { ClusterError } from "./errors.ts";

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Written to the command's standard input, which is closed otherwise. */
  input?: string | Buffer;
  /** Called with each line of stdout and stderr as it comes: for commands that take minutes. */
  onLine?: (line: string) => void;
  /** Milliseconds until SIGKILL; none by default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Output kept per stream: the tail of a long build is what explains its failure. */
const KEEP = 16 * 1024 * 1024;

/** Runs a command to its end and reports its exit code; throws only when it can't be started or takes too long. */
export function tryRun(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command, ...args] = argv;
  if (command === undefined) throw new TypeError("tryRun: an empty command");
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const out = collect(options.onLine);
    const err = collect(options.onLine);
    child.stdout?.on("data", out.add);
    child.stderr?.on("data", err.add);
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill("SIGKILL");
          }, options.timeoutMs);
    // A command that exits without reading its input is no failure of ours: its exit code tells.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input);
    child.on("error", (cause) => {
      clearTimeout(timer);
      reject(new ClusterError("INPOD_COMMAND_MISSING", `${command} could not be run: ${cause.message}`, { cause }));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (timedOut) {
        const text = `${argv.join(" ")} took longer than ${options.timeoutMs} ms`;
        reject(new ClusterError("INPOD_COMMAND_TIMEOUT", `${text}\n${tail(err.text() || out.text())}`));
        return;
      }
      resolve({ code: code ?? (signal === null ? 1 : 128), stdout: out.text(), stderr: err.text() });
    });
  });
}

/** Like `tryRun`, but an exit code other than 0 throws with the command and the last lines of its output. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryRun(argv, options);
  if (code === 0) return stdout;
  throw new ClusterError(
    "INPOD_COMMAND_FAILED",
    `${argv.join(" ")} ended with exit code ${code}\n${tail(stderr.trim() === "" ? stdout : stderr)}`,
  );
}

function tail(text: string, lines = 25): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}

function collect(onLine: ((line: string) => void) | undefined): { add: (chunk: Buffer) => void; text: () => string } {
  let chunks: Buffer[] = [];
  let size = 0;
  let rest = "";
  return {
    add(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > KEEP) {
        chunks = [Buffer.concat(chunks).subarray(-KEEP / 2)];
        size = KEEP / 2;
      }
      if (onLine === undefined) return;
      const lines = (rest + chunk.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
  };
}

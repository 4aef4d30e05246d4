import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Cluster } from "../cluster/cluster.ts";
import type { Tally } from "./tally.ts";

const inside = fileURLToPath(new URL("inside.ts", import.meta.url));

/** Runs test files in a process inside the cluster's network, says what it prints line by line, and gives their count. */
export function runInNetwork(
  cluster: Cluster,
  files: readonly string[],
  env: NodeJS.ProcessEnv,
  say: (text: string) => void,
  stop: AbortSignal,
): Promise<Tally> {
  const [program = "", ...args] = cluster.nsenter([process.execPath, inside, ...files]);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", say);
    }
    let tally: Tally | undefined;
    const end = () => child.kill("SIGTERM");
    stop.addEventListener("abort", end);
    child.on("message", (message) => {
      tally = message as Tally;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      stop.removeEventListener("abort", end);
      if (tally === undefined) reject(new Error(`the specs ended without a count (${signal ?? code})`));
      else resolve(tally);
    });
  });
}

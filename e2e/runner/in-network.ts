import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Cluster } from "../cluster/cluster.ts";
import type { Tally } from "./tally.ts";

const inside = fileURLToPath(new URL("inside.ts", import.meta.url));

/** Runs test files in a process inside the cluster's network, and gives their count. */
export function runInNetwork(
  cluster: Cluster,
  files: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<Tally> {
  const [program = "", ...args] = cluster.nsenter([process.execPath, inside, ...files]);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    let tally: Tally | undefined;
    const end = () => child.kill("SIGTERM");
    stop.addEventListener("abort", end);
    child.on("message", (message) => {
      tally = message as Tally;
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      stop.removeEventListener("abort", end);
      if (tally === undefined) reject(new Error(`the specs ended without a count (${signal ?? code})`));
      else resolve(tally);
    });
  });
}

import { spawn } from "node:child_process";
import type { Cluster } from "./cluster/cluster.ts";

export interface PortForward {
  /** `http://localhost:<port>` where the cluster's addresses answer. */
  readonly origin: string;
  close(): void;
}

/** `kubectl port-forward`, the way the chart's notes tell people to come in. */
export async function portForward(
  cluster: Cluster,
  namespace: string,
  target: string,
  port: number,
): Promise<PortForward> {
  const [program = "", ...args] = cluster.nsenter([
    ...cluster.kubectlCommand,
    "-n",
    namespace,
    "port-forward",
    target,
    `:${port}`,
  ]);
  const child = spawn(program, args, { env: cluster.env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const local = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`kubectl port-forward ended with ${code}: ${said}`)));
  });
  return { origin: `http://localhost:${local}`, close: () => void child.kill() };
}

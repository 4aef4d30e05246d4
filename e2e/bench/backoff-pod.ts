import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../cluster/cluster.ts";
import { until } from "../wait.ts";

/** Tells when its process was started; `/kill` makes its liveness probe fail, `/crash` ends it. */
const program = `
const started = Date.now() - process.uptime() * 1000;
let alive = true;
process.on("SIGTERM", () => process.exit(0));
require("http").createServer(({ url }, answer) => {
  if (url === "/kill") alive = false;
  if (url === "/crash") setTimeout(() => process.exit(1), 5);
  answer.statusCode = url === "/live" && !alive ? 503 : 200;
  answer.end(JSON.stringify({ started }));
}).listen(8080);`;

/** A bare pod whose container can be made to end in every way that the kubelet tells apart. */
export interface BackoffPod {
  /** Ends the container; when it was gone and when the next one's process was started, milliseconds since the epoch. */
  end(by: "kill" | "itself" | "alias"): Promise<{ at: number; started: number }>;
  /** RESTARTS, as the kubelet has counted them. */
  restarts(): Promise<number>;
}

export async function startBackoffPod(
  cluster: Cluster,
  options: { namespace: string; name: string; repository: string; digest: string; crashes: boolean },
): Promise<BackoffPod> {
  const { namespace, name, repository, digest, crashes } = options;
  const container = {
    name: "app",
    image: `${repository}@${digest}`,
    imagePullPolicy: "IfNotPresent",
    command: ["node", "-e", program],
    // A process that boots slowly is not to be killed for that: it would be a restart that nobody counts.
    startupProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 60 },
    livenessProbe: {
      httpGet: { path: "/live", port: 8080 },
      periodSeconds: 1,
      timeoutSeconds: 5,
      // Probes that are refused between a crash and the kubelet's next look would make a kill of it.
      failureThreshold: crashes ? 5 : 1,
      terminationGracePeriodSeconds: 2,
    },
  };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { containers: [container] } };
  const kubectl = (args: readonly string[], input?: string) =>
    cluster.kubectl(["-n", namespace, ...args], input === undefined ? {} : { input });
  await kubectl(["apply", "-f", "-"], JSON.stringify(pod));
  await kubectl(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=120s"]);
  const url = `http://${await kubectl(["get", "pod", name, "-o", "jsonpath={.status.podIP}"])}:8080`;
  let aliases = 0;

  /** When the process that answers was started; undefined when none does. A busy one is waited for. */
  const ask = async (path = "/"): Promise<number | undefined> => {
    try {
      const answer = await fetch(`${url}${path}`, { headers: { connection: "close" } });
      const { started }: { started: number } = JSON.parse(await answer.text());
      return started;
    } catch {
      return undefined;
    }
  };

  return {
    async restarts() {
      return Number(await kubectl(["get", "pod", name, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"]));
    },
    async end(by) {
      const before = await until("it answers", async () => ask(), { seconds: 60, every: 20 });
      if (by === "alias") {
        const image = `${repository}:r${++aliases}@${digest}`;
        const patch = [{ op: "replace", path: "/spec/containers/0/image", value: image }];
        await kubectl(["patch", "pod", name, "--type=json", `--patch=${JSON.stringify(patch)}`]);
      } else await ask(by === "kill" ? "/kill" : "/crash");
      let at = Date.now();
      for (;;) {
        const started = await ask();
        if (started !== undefined && started !== before) return { at: Math.min(at, started), started };
        if (started === before) at = Date.now();
        await sleep(25);
      }
    },
  };
}

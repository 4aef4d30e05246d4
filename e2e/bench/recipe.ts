import type { Stage } from "../stage.ts";
import { until } from "../wait.ts";

/**
 * The recipe this product starts from, as found in the wild: an exec probe of `cat liveness` every 2 s, the kubelet's
 * defaults otherwise. Each sample: removing the file until a new process accepts, in milliseconds.
 */
export async function recipeRestarts(stage: Stage, samples: number, program: string): Promise<number[]> {
  const { cluster } = stage;
  const namespace = `recipe-${Date.now()}`;
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "recipe", namespace },
    spec: {
      containers: [
        {
          name: "app",
          image: stage.exampleImage("node"),
          command: ["sh", "-c", `touch /control/liveness; exec node -e "$PROGRAM"`],
          env: [{ name: "PROGRAM", value: program }],
          livenessProbe: { exec: { command: ["cat", "/control/liveness"] }, periodSeconds: 2, initialDelaySeconds: 2 },
          volumeMounts: [{ name: "control", mountPath: "/control" }],
        },
      ],
      volumes: [{ name: "control", emptyDir: {} }],
    },
  };
  await cluster.kubectl(["create", "namespace", namespace]);
  try {
    await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(pod) });
    await cluster.kubectl(["-n", namespace, "wait", "--for=condition=Ready", "pod/recipe", "--timeout=60s"]);
    const restarts = async () => Number(await read("{.status.containerStatuses[0].restartCount}"));
    const read = (path: string) => cluster.kubectl(["-n", namespace, "get", "pod", "recipe", "-o", `jsonpath=${path}`]);
    const url = `http://${await read("{.status.podIP}")}:8080/`;
    const times: number[] = [];
    for (let i = 0; i < samples; i++) {
      const before = await restarts();
      const began = performance.now();
      await cluster.kubectl(["-n", namespace, "exec", "recipe", "--", "rm", "/control/liveness"]);
      await until("the kubelet has restarted it", async () => (await restarts()) > before, { seconds: 120, every: 50 });
      await until("it is served", async () => (await fetch(url)).ok, { seconds: 60, every: 10 });
      times.push(performance.now() - began);
    }
    return times;
  } finally {
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  }
}

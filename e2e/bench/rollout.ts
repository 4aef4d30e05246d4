import type { Stage } from "../stage.ts";
import { firstAnswer } from "./first-answer.ts";

/**
 * What people do without inpod when the image is on the node already: `kubectl rollout restart` of a Deployment of one with a
 * readiness probe. From the command's start until the Service answers from a new process, in milliseconds.
 */
export async function rollouts(stage: Stage, samples: number): Promise<number[]> {
  const { cluster } = stage;
  const namespace = `rollout-${Date.now()}`;
  const labels = { app: "rollout" };
  const container = {
    name: "app",
    image: stage.exampleImage("go-scratch"),
    readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 },
  };
  const objects = [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "rollout", namespace },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "rollout", namespace },
      spec: { selector: labels, ports: [{ port: 8080 }] },
    },
  ];
  const kubectl = (args: readonly string[], input?: string) =>
    cluster.kubectl(["-n", namespace, ...args], input === undefined ? {} : { input });
  await cluster.kubectl(["create", "namespace", namespace]);
  try {
    await kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
    const status = ["rollout", "status", "deployment/rollout", "--timeout=60s"];
    await kubectl(status);
    const address = await kubectl(["get", "service", "rollout", "-o", "jsonpath={.spec.clusterIP}"]);
    const url = `http://${address}:8080/whoami`;
    const times: number[] = [];
    for (let i = 0; i < samples; i++) {
      const before = await (await fetch(url, { headers: { connection: "close" } })).text();
      const began = performance.now();
      await kubectl(["rollout", "restart", "deployment/rollout"]);
      times.push((await firstAnswer(url, (body) => body !== before)) - began);
      await kubectl(status);
    }
    return times;
  } finally {
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  }
}

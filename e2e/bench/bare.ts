import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "../stage.ts";

/** A pod with the static app and nothing else: no volume, no other container, nothing of ours in its namespace. */
export interface BarePod {
  readonly ip: string;
  /** Fails one liveness probe of threshold 1, and waits until the kubelet has made good of it. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What a container restart costs on this machine whoever asks for it: the kubelet's probe is answered by this process, on
 * the node's address.
 */
export async function openBarePod(stage: Stage): Promise<BarePod> {
  const { cluster } = stage;
  if (cluster.nodeIp === undefined) throw new Error("the bare pod's probe is answered on the node: a cluster of ours");
  let failing = false;
  const responder = createServer((_, answer) => {
    answer.statusCode = failing ? 503 : 200;
    failing = false;
    answer.end();
  });
  responder.listen(0, cluster.nodeIp);
  await once(responder, "listening");
  const namespace = `bare-${Date.now()}`;
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "bare", namespace },
    spec: {
      automountServiceAccountToken: false,
      containers: [
        {
          name: "app",
          image: stage.exampleImage("go-scratch"),
          livenessProbe: {
            httpGet: { host: cluster.nodeIp, port: (responder.address() as AddressInfo).port },
            periodSeconds: 1,
            failureThreshold: 1,
            terminationGracePeriodSeconds: 2,
          },
        },
      ],
    },
  };
  const kubectl = (args: readonly string[]) => cluster.kubectl(["-n", namespace, ...args]);
  const read = (path: string) => kubectl(["get", "pod", "bare", "-o", `jsonpath=${path}`]);
  await cluster.kubectl(["create", "namespace", namespace]);
  await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(pod) });
  await kubectl(["wait", "--for=condition=Ready", "pod/bare", "--timeout=60s"]);
  const ip = await read("{.status.podIP}");
  return {
    ip,
    async restart() {
      failing = true;
      await sleep(2500);
    },
    async close() {
      responder.close();
      await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
    },
  };
}

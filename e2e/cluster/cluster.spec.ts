import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createCluster, type Cluster } from "./cluster.ts";
import { run, tryRun } from "./command.ts";
import { packScratchImage } from "./scratch-image.ts";

const IMAGE = "inpod.test/echo:1";
const NAMESPACE = "cluster-spec";

/** A static server of a few lines: answers every request with the file /data/note, or with "empty". */
const SERVER = String.raw`
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1) {
        int f = open("/data/note", O_CREAT | O_WRONLY | O_TRUNC, 0644);
        return f < 0 || write(f, argv[1], strlen(argv[1])) < 0;
    }
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(8080)};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 64)) return 1;
    for (;;) {
        char in[2048], note[256] = "empty", out[512];
        int c = accept(s, 0, 0), f = open("/data/note", O_RDONLY);
        if (c < 0) continue;
        if (f >= 0) { ssize_t n = read(f, note, sizeof note - 1); note[n < 0 ? 0 : n] = 0; close(f); }
        if (read(c, in, sizeof in) > 0) {
            int n = snprintf(out, sizeof out,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(note), note);
            if (write(c, out, n) < 0) { close(c); continue; }
        }
        close(c);
    }
}`;

const MANIFESTS = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "echo", namespace: NAMESPACE, labels: { app: "echo" } },
    spec: {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: "data", emptyDir: {} }],
      containers: [
        {
          name: "app",
          image: IMAGE,
          ports: [{ containerPort: 8080 }],
          volumeMounts: [{ name: "data", mountPath: "/data" }],
          securityContext: { readOnlyRootFilesystem: true },
        },
      ],
      securityContext: { runAsUser: 12345, fsGroup: 2000 },
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "echo", namespace: NAMESPACE },
    spec: { selector: { app: "echo" }, ports: [{ port: 80, targetPort: 8080 }] },
  },
];

let cluster: Cluster;
let folder: string;

before(async () => {
  cluster = await createCluster({ progress: (line) => console.error(line) });
  folder = await mkdtemp(join(tmpdir(), "inpod-cluster-spec-"));
  const program = join(folder, "echo");
  await run(["cc", "-static", "-O1", "-o", program, "-x", "c", "-"], { input: SERVER });
  const archive = join(folder, "echo.tar");
  const files = [{ path: "/echo", content: await readFile(program), mode: 0o755 }];
  await writeFile(archive, packScratchImage({ ref: IMAGE, files, config: { Entrypoint: ["/echo"] } }).archive);
  await cluster.loadImage(IMAGE, archive);
  await cluster.kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found"]);
  for (const manifest of MANIFESTS)
    await cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(manifest) });
  await cluster.kubectl(["wait", "--for=condition=Ready", "pod/echo", `--namespace=${NAMESPACE}`, "--timeout=60s"]);
});

after(async () => {
  await cluster?.kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]).catch(() => {});
  await cluster?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

interface PodView {
  metadata: { uid: string };
  status: { podIP?: string; containerStatuses?: { restartCount: number; ready: boolean; containerID?: string }[] };
}

async function pod(): Promise<PodView> {
  return JSON.parse(
    await cluster.kubectl(["get", "pod", "echo", `--namespace=${NAMESPACE}`, "--output=json"]),
  ) as PodView;
}

async function serviceAddress(): Promise<string> {
  const jsonpath = "--output=jsonpath={.spec.clusterIP}";
  return cluster.kubectl(["get", "service", "echo", `--namespace=${NAMESPACE}`, jsonpath]);
}

/** One GET from inside the cluster's network, by Node itself: curl may be missing. */
async function get(url: string): Promise<string> {
  const code = `fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then((r) => r.text()).then(console.log)`;
  return (await cluster.run([process.execPath, "--eval", code, url])).trim();
}

async function eventually<T>(what: string, check: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 60_000;
  let last: unknown;
  while (Date.now() < deadline) {
    const found = await check().catch((error: unknown) => void (last = error));
    if (found !== undefined) return found;
    await sleep(200);
  }
  throw new Error(`not within a minute: ${what}`, { cause: last });
}

const write = (text: string): Promise<string> =>
  cluster.kubectl(["exec", "echo", `--namespace=${NAMESPACE}`, "--", "/echo", text]);

test("the node is Ready and says its real version", async () => {
  const nodes = JSON.parse(await cluster.kubectl(["get", "nodes", "--output=json"])) as {
    items: { status: { nodeInfo: { kubeletVersion: string }; conditions: { type: string; status: string }[] } }[];
  };
  const [node] = nodes.items;
  assert.equal(node?.status.conditions.find(({ type }) => type === "Ready")?.status, "True");
  assert.equal(node?.status.nodeInfo.kubeletVersion, "v1.35.4");
});

test("a scratch image runs, and its Service answers", async () => {
  const url = `http://${await serviceAddress()}/`;
  // The endpoints follow the pod's readiness by a moment.
  assert.equal(await eventually("the Service answers", () => get(url)), "empty");
});

test("the names of Services resolve", async () => {
  const code = `const r = new (require("node:dns").promises.Resolver)(); r.setServers([process.argv[1]]);
    r.resolve4(process.argv[2]).then((a) => console.log(a[0]))`;
  const name = `echo.${NAMESPACE}.svc.cluster.local`;
  const answer = await eventually(`${name} resolves`, async () =>
    (await cluster.run([process.execPath, "--eval", code, cluster.nodeIp ?? "", name])).trim(),
  );
  assert.equal(answer, await serviceAddress());
});

test("no address outside the network namespace can be reached", async () => {
  await assert.rejects(get("http://192.0.2.1/"));
  const links = await cluster.run(["ip", "-oneline", "link"]);
  for (const line of links.trim().split("\n")) assert.match(line, /^\d+: (lo|node[01]@node[01]|veth[0-9a-f]+@if\d+)/);
});

test("a browser inside the namespace opens a page of a Service", async (t) => {
  const found = await tryRun(["chromium", "--version"]).catch(() => undefined);
  if (found?.code !== 0) return t.skip("there is no chromium on the PATH");
  const profile = join(folder, "chromium");
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    `--user-data-dir=${profile}`,
  ];
  const page = await cluster.run(["chromium", ...flags, "--dump-dom", `http://${await serviceAddress()}/`], {
    timeoutMs: 60_000,
  });
  assert.match(page, /<body>empty<\/body>/);
});

test("a pod survives a restart of the kubelet", async () => {
  const earlier = await pod();
  await cluster.restartKubelet();
  assert.equal(await get(`http://${await serviceAddress()}/`), "empty");
  const later = await eventually("the pod is Ready again", async () => {
    const seen = await pod();
    return seen.status.containerStatuses?.[0]?.ready === true ? seen : undefined;
  });
  assert.equal(later.metadata.uid, earlier.metadata.uid);
  assert.equal(later.status.podIP, earlier.status.podIP);
  assert.equal(later.status.containerStatuses?.[0]?.restartCount, 0);
});

test("a killed sandbox is made anew, and the pod's emptyDir stays", async () => {
  await write("kept");
  assert.equal(await get(`http://${await serviceAddress()}/`), "kept");
  const earlier = await pod();
  await cluster.killSandbox(NAMESPACE, "echo");
  const later = await eventually("the pod runs in a new sandbox", async () => {
    const seen = await pod();
    const [container] = seen.status.containerStatuses ?? [];
    const isNew = container?.containerID !== earlier.status.containerStatuses?.[0]?.containerID;
    return isNew && container?.ready === true ? seen : undefined;
  });
  assert.equal(later.metadata.uid, earlier.metadata.uid);
  const address = await serviceAddress();
  const answer = await eventually("the Service answers", () => get(`http://${address}/`));
  assert.equal(answer, "kept");
});

test("the dev profile restarts a container that ends again after a second, the default one waits longer", async () => {
  const name = "ends";
  const restarts = async (): Promise<number> => {
    await cluster.kubectl([
      "delete",
      "pod",
      name,
      `--namespace=${NAMESPACE}`,
      "--ignore-not-found",
      "--grace-period=0",
      "--force",
    ]);
    const container = { name: "app", image: IMAGE, args: ["once"], securityContext: { runAsUser: 12345 } };
    const manifest = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: NAMESPACE },
      spec: { containers: [container] },
    };
    await cluster.kubectl(["create", "--filename=-"], { input: JSON.stringify(manifest) });
    await sleep(13_000);
    const count = "--output=jsonpath={.status.containerStatuses[0].restartCount}";
    return Number(await cluster.kubectl(["get", "pod", name, `--namespace=${NAMESPACE}`, count]));
  };
  const before = cluster.profile;
  await cluster.switchProfile("default");
  const slow = await restarts();
  await cluster.switchProfile("dev");
  const fast = await restarts();
  await cluster.switchProfile(before);
  // 13 s hold one restart at once and one after 10 s by the kubelet's own rule, against one every second or two.
  assert.ok(slow <= 2, `${slow} restarts by default`);
  assert.ok(fast >= 4, `${fast} restarts with the dev profile`);
});

test("a claim gets a volume of the node's disk, writable for the pod's group", async () => {
  await cluster.createHostPathVolume("cluster-spec", "16Mi");
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace: NAMESPACE },
    spec: {
      storageClassName: "inpod-host-path",
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "16Mi" } },
    },
  };
  const user = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "writer", namespace: NAMESPACE },
    spec: {
      restartPolicy: "Never",
      securityContext: { runAsUser: 12345, runAsGroup: 12345, fsGroup: 2000 },
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
      containers: [
        { name: "app", image: IMAGE, args: ["on disk"], volumeMounts: [{ name: "data", mountPath: "/data" }] },
      ],
    },
  };
  for (const manifest of [claim, user])
    await cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(manifest) });
  await cluster.kubectl([
    "wait",
    "--for=jsonpath={.status.phase}=Succeeded",
    "pod/writer",
    `--namespace=${NAMESPACE}`,
    "--timeout=60s",
  ]);
  await cluster.kubectl(["delete", "pod/writer", "pvc/data", `--namespace=${NAMESPACE}`]);
  await cluster.kubectl(["delete", "pv/cluster-spec"]);
});

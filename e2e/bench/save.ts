import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { containerProcesses } from "../container-processes.ts";
import type { Stage } from "../stage.ts";
import { until } from "../wait.ts";
import { installWorkspace, type Workspace } from "../workspace.ts";
import type { Bench } from "./bench.ts";
import { firstAnswer } from "./first-answer.ts";
import { ensurePeersImage, programOf } from "./peers-image.ts";
import { rowOf } from "./row.ts";

/** Each reloader as its manual shows it, with its defaults. */
const reloaders: Readonly<Record<string, readonly string[]>> = {
  nodemon: ["nodemon", "--quiet", "server.js"],
  entr: ["sh", "-c", "echo server.js | entr -n -r node server.js"],
  watchexec: ["watchexec", "--restart", "--watch", "server.js", "--", "node", "server.js"],
  "node --watch": ["node", "--watch", "server.js"],
};

interface Contestant {
  /** Undefined: inpod. */
  readonly peer: string | undefined;
  readonly url: string;
  /** The file that a save writes, as this machine reaches it. */
  readonly file: string;
  readonly times: number[];
}

/**
 * Save → first answer of the new process, in the same pods' network, interleaved, so that every contestant sees the same
 * machine: inpod's on-save restart beside the reloaders that people run inside an app container.
 */
export async function saveSuite(stage: Stage, bench: Bench): Promise<void> {
  const { ref, archive } = await ensurePeersImage((line) => bench.progress(line));
  await stage.cluster.loadImage(ref, archive);
  const namespace = `peers-${Date.now()}`;
  await stage.cluster.kubectl(["create", "namespace", namespace]);
  const workspace = await installOnSave(stage, ref);
  try {
    const contestants = [
      await ours(workspace),
      ...(await Promise.all(Object.entries(reloaders).map((entry) => theirs(stage, namespace, ref, ...entry)))),
    ];
    for (const { url } of contestants) await firstAnswer(url, (body) => body === "0");
    let version = 0;
    for (let i = 0; i < Math.max(200, bench.samples); i++) {
      version++;
      for (const contestant of contestants) contestant.times.push(await saveUntilServed(contestant, String(version)));
      if (version % 20 === 0)
        bench.progress(`${version}: ${contestants.map(({ times }) => Math.round(times.at(-1) ?? 0)).join(" ")}`);
    }
    for (const { peer, times } of contestants) await bench.report(rowOf("restart.save.node", "ms", times, peer));
    const [inpod] = contestants;
    if (inpod !== undefined)
      await bench.report(rowOf("restart.crashfix.node", "ms", await crashAndFix(workspace, inpod, bench.samples)));
  } finally {
    await workspace.uninstall();
    await stage.cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  }
}

async function saveUntilServed({ url, file }: Contestant, version: string): Promise<number> {
  // Not in step with anybody's debounce.
  await sleep(100 + Math.random() * 100);
  const saved = performance.now();
  await writeFile(file, programOf(version));
  return (await firstAnswer(url, (body) => body === version)) - saved;
}

/** A version that dies at once, then the fix: saved → served. */
async function crashAndFix(workspace: Workspace, contestant: Contestant, samples: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    await writeFile(contestant.file, "throw new Error('broken');\n");
    await until("the app has crashed", async () => (await workspace.status()).app[0]?.phase === "crashed");
    times.push(await saveUntilServed(contestant, `fixed ${i}`));
  }
  return times;
}

function installOnSave(stage: Stage, image: string): Promise<Workspace> {
  const app = {
    image,
    sourcePath: "/app",
    command: ["node", "server.js"],
    ports: [{ name: "http", containerPort: 8080 }],
  };
  return installWorkspace(stage.cluster, {
    release: "bench-save",
    values: stage.valuesFor("node", { app, restart: { onSave: true } }),
    readySeconds: 180,
  });
}

async function ours(workspace: Workspace): Promise<Contestant> {
  const { ip, containerIds } = await workspace.facts();
  return { peer: undefined, url: `http://${ip}:8080/`, file: await serverFile(containerIds["app"] ?? ""), times: [] };
}

async function theirs(
  stage: Stage,
  namespace: string,
  image: string,
  peer: string,
  command: readonly string[],
): Promise<Contestant> {
  const name = peer.replaceAll(/[^a-z]/g, "");
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      // The source on a volume, as beside an IDE.
      securityContext: { fsGroup: 1000 },
      volumes: [{ name: "source", emptyDir: {} }],
      initContainers: [
        {
          name: "source",
          image,
          command: ["cp", "/app/server.js", "/source/"],
          volumeMounts: [{ name: "source", mountPath: "/source" }],
        },
      ],
      containers: [{ name: "app", image, command, volumeMounts: [{ name: "source", mountPath: "/app" }] }],
    },
  };
  const kubectl = (args: readonly string[], input?: string) =>
    stage.cluster.kubectl(["-n", namespace, ...args], input === undefined ? {} : { input });
  await kubectl(["apply", "-f", "-"], JSON.stringify(pod));
  await kubectl(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=120s"]);
  const [ip, id] = (
    await kubectl(["get", "pod", name, "-o", "jsonpath={.status.podIP} {.status.containerStatuses[0].containerID}"])
  ).split(" ");
  return { peer, url: `http://${ip}:8080/`, file: await serverFile(id ?? ""), times: [] };
}

async function serverFile(containerId: string): Promise<string> {
  const [first] = await containerProcesses(containerId);
  if (first === undefined) throw new Error(`container ${containerId} has no process on this machine`);
  return `/proc/${first.pid}/root/app/server.js`;
}

import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import { readRecord, writeRecord } from "./cluster-record.ts";
import { run, type RunOptions } from "./command.ts";
import { createDaemons } from "./daemons.ts";
import { ClusterError } from "./errors.ts";
import { hostPathVolume } from "./host-path-volume.ts";
import { NODE_IP, NODE_NAME, type Layout, type Profile } from "./layout.ts";
import { enterCluster } from "./namespaces.ts";
import { enterNetwork } from "./network-namespace.ts";
import { nodeCommands } from "./node-programs.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { ensureTool, toolFolder } from "./tools.ts";

/** The handle on a cluster of ours that runs, whether this process started it or not. */
export function openCluster(deps: {
  cache: string;
  layout: Layout;
  holder: ProcessIdentity;
  profile: Profile;
  close: () => Promise<void>;
}): Cluster {
  const { cache, layout, holder } = deps;
  const daemons = createDaemons(layout);
  const kubernetes = toolFolder("kubernetes", cache);
  let profile = deps.profile;
  let closed: Promise<void> | undefined;

  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: [kubernetes, toolFolder("helm", cache), process.env["PATH"]].join(delimiter),
    KUBECONFIG: layout.adminKubeconfig,
    HELM_CACHE_HOME: join(layout.folder, "helm", "cache"),
    HELM_CONFIG_HOME: join(layout.folder, "helm", "config"),
    HELM_DATA_HOME: join(layout.folder, "helm", "data"),
  };
  const nsenter = (argv: readonly string[]): string[] => enterNetwork(layout.namespace, argv);
  const inside = (argv: readonly string[], options: RunOptions = {}): Promise<string> =>
    run(nsenter(argv), { ...options, env: { ...env, ...options.env } });
  const kubectlCommand = [join(kubernetes, "kubectl")];
  const kubectl = (args: readonly string[], options?: RunOptions): Promise<string> =>
    inside([...kubectlCommand, ...args], options);
  const ctr = (args: readonly string[]): Promise<string> =>
    run(enterCluster(layout, holder, ["ctr", "--address", layout.containerdSocket, "--namespace", "k8s.io", ...args]));

  const knowsItsPods = async (): Promise<boolean> => {
    try {
      const uids = async (args: readonly string[]): Promise<string[]> => {
        const { items } = JSON.parse(await kubectl(args)) as { items: { metadata: { uid: string } }[] | null };
        return (items ?? []).map((pod) => pod.metadata.uid);
      };
      const known = new Set(await uids(["get", "--raw", `/api/v1/nodes/${NODE_NAME}/proxy/pods`]));
      const bound = ["get", "pods", "--all-namespaces", `--field-selector=spec.nodeName=${NODE_NAME}`, "--output=json"];
      return (await uids(bound)).every((uid) => known.has(uid));
    } catch {
      return false;
    }
  };

  const restartKubelet = async (): Promise<void> => {
    await daemons.stop("kubelet");
    const { kubelet } = nodeCommands(layout, { etcd: "", coredns: "", kubernetes });
    await daemons.start("kubelet", enterCluster(layout, holder, kubelet));
    const deadline = Date.now() + 60_000;
    // It answers its health check before it has heard of its pods, and refuses logs and exec until then.
    while (!(await knowsItsPods())) {
      if (Date.now() > deadline) {
        throw new ClusterError(
          "INPOD_KUBELET_DOWN",
          `the kubelet is not back after 60 s:\n${await daemons.logTail("kubelet")}`,
        );
      }
      await sleep(100);
    }
    await waitForNode({ kubectl });
  };

  return {
    name: layout.name,
    kubeconfig: layout.adminKubeconfig,
    netns: layout.namespace,
    nodeIp: NODE_IP,
    logs: layout.logs,
    get profile() {
      return profile;
    },
    env,
    nsenter,
    run: inside,
    kubectlCommand,
    kubectl,
    helm: async (args, options) => inside([join(await ensureTool("helm", { cache }), "helm"), ...args], options),

    async loadImage(ref, archive) {
      const { size, mtimeMs } = await stat(archive);
      const note = join(layout.folder, "images", encodeURIComponent(ref));
      const source = `${archive} ${size} ${mtimeMs}`;
      const loaded = await readFile(note, "utf8").catch(() => "");
      const [known, digest] = loaded.split("\n");
      if (known === source && digest) return { digest };
      await ctr(["images", "import", archive]);
      const found = imageDigest(await ctr(["images", "list", `name==${ref}`]), ref);
      if (found === undefined) {
        throw new ClusterError("INPOD_IMAGE_NAME", `${archive} holds no image named ${ref}`);
      }
      const repository = ref.slice(0, ref.lastIndexOf(":"));
      await ctr(["images", "tag", "--force", ref, `${repository}@${found}`]);
      await mkdir(join(layout.folder, "images"), { recursive: true });
      await writeFile(note, `${source}\n${found}\n`);
      return { digest: found };
    },

    restartKubelet,

    async killSandbox(namespace, pod) {
      const labels = {
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.name": pod,
        "io.cri-containerd.kind": "sandbox",
      };
      const filter = Object.entries(labels).map(([name, value]) => `labels."${name}"==${value}`);
      const sandboxes = (await ctr(["containers", "list", "--quiet", filter.join(",")])).split("\n");
      const tasks = await ctr(["tasks", "list"]);
      const running = sandboxes.find((id) => id !== "" && new RegExp(`^${id}\\s+\\d+\\s+RUNNING`, "m").test(tasks));
      if (running === undefined) {
        throw new ClusterError("INPOD_SANDBOX_MISSING", `pod ${namespace}/${pod} has no running sandbox on this node`);
      }
      await ctr(["tasks", "kill", "--signal", "SIGKILL", running]);
      return { sandbox: running };
    },

    async createHostPathVolume(name, size) {
      const path = join(layout.volumes, name);
      await mkdir(path, { recursive: true });
      await kubectl(["apply", "--filename=-"], { input: JSON.stringify(hostPathVolume(name, size, path)) });
      return { path };
    },

    async switchProfile(next) {
      if (next === profile) return;
      const file = join(layout.config, "kubelet.json");
      const { crashLoopBackOff: _, ...config } = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
      const changed = next === "dev" ? { ...config, crashLoopBackOff: { maxContainerRestartPeriod: "1s" } } : config;
      await writeFile(file, `${JSON.stringify(changed, null, 2)}\n`);
      await restartKubelet();
      profile = next;
      const record = await readRecord(layout);
      if (record !== undefined) await writeRecord(layout, { ...record, profile: next });
    },

    close: () => (closed ??= deps.close()),
  };
}

/** Resolves when the node is Ready and takes pods. */
export async function waitForNode(cluster: Pick<Cluster, "kubectl">): Promise<void> {
  await cluster.kubectl(["wait", "--for=condition=Ready", `node/${NODE_NAME}`, "--timeout=60s"]);
}

function imageDigest(listing: string, ref: string): string | undefined {
  for (const line of listing.split("\n")) {
    const [name, , digest] = line.split(/\s+/);
    if (name === ref) return digest;
  }
  return undefined;
}

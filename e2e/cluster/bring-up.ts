import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createPki, type Pki } from "./certificates.ts";
import { createCgroup } from "./cgroups.ts";
import { writeRecord } from "./cluster-record.ts";
import { run } from "./command.ts";
import { controlPlaneCommands, corednsCommand, corefile, kubeconfigPath, type Programs } from "./control-plane.ts";
import { createDaemons, type Daemons } from "./daemons.ts";
import { ClusterError } from "./errors.ts";
import { layoutOf, NODE_IP, type Layout, type Profile } from "./layout.ts";
import { createMounts, enterCluster } from "./namespaces.ts";
import { createNetwork } from "./network-namespace.ts";
import { cniConfig, containerdConfig, kubeletConfig, nodeCommands, proxyConfig } from "./node-programs.ts";
import { ensurePauseImage } from "./pause-image.ts";
import { identify } from "./process-identity.ts";
import { openCluster, waitForNode } from "./running-cluster.ts";
import { chooseSnapshotter } from "./snapshotter.ts";
import { teardown } from "./teardown.ts";
import { ensureTool } from "./tools.ts";

/**
 * Makes the cluster and resolves when it runs pods. The record comes first, so that whoever finds a half-made cluster knows
 * whose it was; a start that fails leaves only its logs.
 */
export async function bringUp(options: {
  cache: string;
  name: string;
  profile: Profile;
  keep: boolean;
  progress: (line: string) => void;
}): Promise<void> {
  const { cache, name, profile, progress } = options;
  const layout = layoutOf(cache, name);
  // One after the other: two Go builds at a time only take each other's memory.
  const programs: Programs = {
    etcd: await ensureTool("etcd", { cache, progress }),
    kubernetes: await ensureTool("kubernetes", { cache, progress }),
    coredns: await ensureTool("coredns", { cache, progress }),
  };
  const pause = await ensurePauseImage(cache);
  const owner = options.keep ? null : await identify(process.pid);
  await writeRecord(layout, { v: 1, name, profile, owner, ready: false });
  try {
    const started = Date.now();
    await start({ cache, layout, programs, profile, pause, progress });
    await writeRecord(layout, { v: 1, name, profile, owner, ready: true });
    progress(`cluster ${name} is ready after ${((Date.now() - started) / 1000).toFixed(1)} s`);
  } catch (error) {
    await teardown(layout, { keepLogs: true });
    throw error;
  }
}

async function start(options: {
  cache: string;
  layout: Layout;
  programs: Programs;
  profile: Profile;
  pause: string;
  progress: (line: string) => void;
}): Promise<void> {
  const { cache, layout, programs, profile, pause, progress } = options;
  const daemons = createDaemons(layout);
  progress("namespaces and certificates");
  const [pki] = await Promise.all([
    createPki(layout.pki),
    createNetwork(layout.namespace),
    createCgroup(layout.cgroup),
  ]);
  await writeConfigs(layout, pki, profile);
  const holder = await createMounts(layout, daemons);
  const launch = (name: string, argv: readonly string[]): Promise<unknown> =>
    daemons.start(name, enterCluster(layout, holder, argv));
  const cluster = openCluster({ layout, holder, profile, cache, close: async () => {} });

  const control = controlPlaneCommands(layout, programs, pki);
  const node = nodeCommands(layout, programs);
  progress("control plane");
  await launch("etcd", control.etcd);
  await launch("containerd", node.containerd);
  await launch("api-server", control["api-server"]);
  const images = importPause(layout, holder.pid, pause);
  await until("the API server answers", ["etcd", "api-server"], daemons, () =>
    cluster.kubectl(["get", "--raw", "/readyz"]),
  );
  await launch("controller-manager", control["controller-manager"]);
  await launch("scheduler", control.scheduler);
  await images;
  progress("node");
  await launch("kubelet", node.kubelet);
  await launch("proxy", node.proxy);
  await launch("dns", corednsCommand(layout, programs));
  await until("the node is Ready", ["containerd", "kubelet"], daemons, () => waitForNode(cluster));
  // Pods can't be made before their namespace has its service account.
  await until("the default service account is there", ["controller-manager"], daemons, () =>
    cluster.kubectl(["get", "serviceaccount", "default", "--namespace=default"]),
  );
}

async function writeConfigs(layout: Layout, pki: Pki, profile: Profile): Promise<void> {
  await mkdir(join(layout.config, "cni"), { recursive: true });
  for (const folder of [layout.etcd, layout.kubelet, layout.podLogs, layout.volumes, layout.containerd, layout.run]) {
    await mkdir(folder, { recursive: true });
  }
  // etcd refuses a data folder that others can read.
  await chmod(layout.etcd, 0o700);
  const write = (file: string, text: string): Promise<void> => writeFile(join(layout.config, file), text);
  await pki.kubeconfig("admin", layout.adminKubeconfig);
  for (const name of ["controller-manager", "scheduler", "kubelet", "proxy"] as const) {
    await pki.kubeconfig(name, kubeconfigPath(layout, name));
  }
  await write("containerd.toml", containerdConfig(layout, await chooseSnapshotter(layout.containerd)));
  await write("cni/10-inpod.conflist", cniConfig(layout));
  await write("kubelet.json", kubeletConfig(layout, pki, profile));
  await write("proxy.json", proxyConfig(layout));
  await write("resolv.conf", `nameserver ${NODE_IP}\n`);
  await write("Corefile", corefile(layout));
}

async function importPause(layout: Layout, holder: number, archive: string): Promise<void> {
  const argv = ["nsenter", `--mount=/proc/${holder}/ns/mnt`, "--", "ctr", "--address", layout.containerdSocket];
  for (let attempt = 0; ; attempt++) {
    try {
      await run([...argv, "--namespace", "k8s.io", "images", "import", archive]);
      return;
    } catch (error) {
      // containerd needs a moment to open its socket.
      if (attempt === 50) throw error;
      await sleep(200);
    }
  }
}

async function until(
  what: string,
  programs: readonly string[],
  daemons: Daemons,
  check: () => Promise<unknown>,
): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const failure = await check().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    for (const name of programs) {
      if (!(await daemons.isRunning(name)) || Date.now() > deadline) {
        const state = (await daemons.isRunning(name)) ? "is running but" : "has ended before";
        throw new ClusterError(
          "INPOD_CLUSTER_START",
          `${name} ${state} ${what}; its last lines:\n${await daemons.logTail(name)}`,
          { cause: failure },
        );
      }
    }
    await sleep(150);
  }
}

import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { RestartRecord, Status } from "@inpod/sidecar/protocol";
import type { Cluster } from "./cluster/cluster.ts";
import { tryRun } from "./cluster/command.ts";
import { until } from "./wait.ts";

const chart = fileURLToPath(new URL("../charts/inpod", import.meta.url));

export interface WorkspaceOptions {
  readonly release: string;
  /** values.yaml files, later ones win. */
  readonly valuesFiles?: readonly string[];
  /** On top of the files. */
  readonly values?: object;
  /** Seconds to wait until the pod is ready, or, for an app that never will be, until the IDE's commands answer. */
  readonly readySeconds?: number;
  readonly waitFor?: "pod" | "commands";
}

export interface PodFacts {
  readonly uid: string;
  readonly ip: string;
  /** RESTARTS of every container, native sidecars included. */
  readonly restarts: Readonly<Record<string, number>>;
  readonly containerIds: Readonly<Record<string, string>>;
}

/** An installed release, as a test handles it. */
export interface Workspace {
  readonly release: string;
  readonly namespace: string;
  readonly pod: string;
  facts(): Promise<PodFacts>;
  exec(container: string, argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** `restart … --json` in the IDE container, as its terminal would run it. */
  restart(...args: readonly string[]): Promise<{ code: number; record: RestartRecord; stderr: string }>;
  status(): Promise<Status>;
  /** `http://<cluster address>:<port>` of one of the release's Services. */
  url(service?: string): Promise<string>;
  upgrade(options: Omit<WorkspaceOptions, "release">): Promise<void>;
  ready(seconds: number): Promise<void>;
  uninstall(): Promise<void>;
}

/** Installs the chart in a namespace of its own that enforces Pod Security "restricted". */
export async function installWorkspace(cluster: Cluster, options: WorkspaceOptions): Promise<Workspace> {
  const { release } = options;
  const namespace = `${release}-${randomBytes(3).toString("hex")}`;
  const pod = `${release}-0`;
  await cluster.kubectl(["create", "namespace", namespace]);
  await cluster.kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
  const kubectl = (args: readonly string[]) => cluster.kubectl(["-n", namespace, ...args]);

  const apply = async (verb: string, { valuesFiles = [], values = {} }: Omit<WorkspaceOptions, "release">) => {
    await cluster.helm(
      [verb, release, chart, "-n", namespace, ...valuesFiles.flatMap((file) => ["-f", file]), "-f", "-"],
      { input: JSON.stringify(values) },
    );
  };

  const exec = (container: string, argv: readonly string[]) =>
    tryRun(cluster.nsenter([...cluster.kubectlCommand, "-n", namespace, "exec", pod, "-c", container, "--", ...argv]), {
      env: cluster.env,
      // A build in the IDE is a minute of two cores, when nobody else wants them.
      timeoutMs: 300_000,
    });

  const workspace: Workspace = {
    release,
    namespace,
    pod,
    exec,
    async facts() {
      const found: PodJson = JSON.parse(await kubectl(["get", "pod", pod, "-o", "json"]));
      const all = [...(found.status.initContainerStatuses ?? []), ...(found.status.containerStatuses ?? [])];
      return {
        uid: found.metadata.uid,
        ip: found.status.podIP ?? "",
        restarts: Object.fromEntries(all.map((one) => [one.name, one.restartCount])),
        containerIds: Object.fromEntries(all.map((one) => [one.name, one.containerID ?? ""])),
      };
    },
    async restart(...args) {
      const { code, stdout, stderr } = await exec("ide", ["restart", ...args, "--json"]);
      return { code, record: JSON.parse(stdout || "{}"), stderr };
    },
    async status() {
      return JSON.parse((await exec("ide", ["inpod", "status", "--json"])).stdout);
    },
    async url(service = release) {
      const path = "jsonpath=http://{.spec.clusterIP}:{.spec.ports[0].port}";
      return kubectl(["get", "service", service, "-o", path]);
    },
    upgrade: (change) => apply("upgrade", change),
    async ready(seconds) {
      await kubectl(["wait", "--for=condition=Ready", `pod/${pod}`, `--timeout=${seconds}s`]);
    },
    async uninstall() {
      await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
    },
  };

  try {
    await apply("install", options);
    const seconds = options.readySeconds ?? 120;
    await kubectl(["wait", "--for=create", `pod/${pod}`, "--timeout=30s"]);
    if (options.waitFor === "commands") {
      await until("the IDE's commands answer", async () => (await workspace.status()).release === release, { seconds });
    } else await workspace.ready(seconds);
  } catch (error) {
    const told = await tryRun(cluster.nsenter([...cluster.kubectlCommand, "-n", namespace, "describe", "pods"]), {
      env: cluster.env,
    });
    await workspace.uninstall();
    throw new Error(`${release} did not come up:\n${told.stdout}`, { cause: error });
  }
  return workspace;
}

interface PodJson {
  readonly metadata: { readonly uid: string };
  readonly status: {
    readonly podIP?: string;
    readonly containerStatuses?: readonly ContainerJson[];
    readonly initContainerStatuses?: readonly ContainerJson[];
  };
}

interface ContainerJson {
  readonly name: string;
  readonly restartCount: number;
  readonly containerID?: string;
}

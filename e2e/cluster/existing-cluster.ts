import { run, type RunOptions } from "./command.ts";
import type { Cluster } from "./cluster.ts";
import { ClusterError } from "./errors.ts";
import { cacheFolder } from "./cache.ts";
import { ensureTool } from "./tools.ts";

export interface ExistingOptions {
  /** A context of the kubeconfig; the current one by default. */
  context?: string;
  /** The kubeconfig's path; what KUBECONFIG says, or kubectl's default, when left out. */
  kubeconfig?: string;
  cache?: string;
}

/** A cluster of the user's own, behind the same interface; what belongs to its node is refused with the reason. */
export async function existingCluster(options: ExistingOptions = {}): Promise<Cluster> {
  const cache = options.cache ?? cacheFolder();
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...(options.kubeconfig === undefined ? {} : { KUBECONFIG: options.kubeconfig }),
  };
  const inside = (argv: readonly string[], extra: RunOptions = {}): Promise<string> =>
    run(argv, { ...extra, env: { ...env, ...extra.env } });
  const context = options.context ?? (await inside(["kubectl", "config", "current-context"])).trim();
  const kubectlCommand = ["kubectl", `--context=${context}`];
  const kubectl = (args: readonly string[], extra?: RunOptions): Promise<string> =>
    inside([...kubectlCommand, ...args], extra);
  await kubectl(["get", "--raw", "/readyz"]);

  const refuse = (what: string): Promise<never> =>
    Promise.reject(
      new ClusterError("INPOD_CLUSTER_NOT_OURS", `${what} can't be done on the cluster of context "${context}"`, {
        fix: "Tests that need it run on the cluster that e2e/cluster makes: leave --context out.",
      }),
    );

  return {
    name: context,
    kubeconfig: options.kubeconfig ?? env["KUBECONFIG"] ?? "",
    netns: undefined,
    nodeIp: undefined,
    logs: undefined,
    profile: "default",
    env,
    nsenter: (argv) => [...argv],
    run: inside,
    kubectlCommand,
    kubectl,
    helm: async (args, extra) =>
      inside([`${await ensureTool("helm", { cache })}/helm`, `--kube-context=${context}`, ...args], extra),
    async loadImage(ref, archive) {
      const command = loadCommand(context, archive);
      if (command === undefined) {
        return refuse(`loading image ${ref} (only kind, k3d and minikube take an image from a file)`);
      }
      await inside(command);
      return { digest: "" };
    },
    restartKubelet: () => refuse("restarting the kubelet"),
    killSandbox: (namespace, pod) => refuse(`killing the sandbox of ${namespace}/${pod}`),
    createHostPathVolume: (name) => refuse(`making the host path volume ${name}`),
    switchProfile: (profile) =>
      profile === "default" ? Promise.resolve() : refuse(`the kubelet profile "${profile}"`),
    close: () => Promise.resolve(),
  };
}

/** The tools name their contexts, and that is how a cluster of theirs is known. */
function loadCommand(context: string, archive: string): string[] | undefined {
  if (context.startsWith("kind-")) return ["kind", "load", "image-archive", archive, `--name=${context.slice(5)}`];
  if (context.startsWith("k3d-")) return ["k3d", "image", "import", archive, `--cluster=${context.slice(4)}`];
  if (context === "minikube") return ["minikube", "image", "load", archive];
  return undefined;
}

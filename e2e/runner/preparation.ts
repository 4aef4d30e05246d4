import { createCluster, existingCluster, type Cluster } from "../cluster/cluster.ts";
import { ensureTool, TOOL_NAMES, type ToolName } from "../cluster/tools.ts";

/** Long builds that go on in the background while other tests run; each is awaited by who needs it. */
export interface Preparation {
  readonly helm: Promise<unknown>;
  readonly all: Promise<unknown>;
}

export function prepareTools(which: "none" | "helm" | "all", progress: (line: string) => void): Preparation {
  if (which === "none") return { helm: Promise.resolve(), all: Promise.resolve() };
  const helm = ensureTool("helm", { progress });
  const others: readonly ToolName[] = which === "all" ? TOOL_NAMES.filter((name) => name !== "helm") : [];
  const all = (async () => {
    await helm;
    // One after the other: two Go builds at once only fight for the same cores.
    for (const name of others) await ensureTool(name, { progress });
  })();
  // Whoever awaits them hears of a failure; until then it is nobody's.
  helm.catch(() => {});
  all.catch(() => {});
  return { helm, all };
}

/** The environment in which the cluster's specs find the one cluster that all of them share. */
export async function openCluster(
  context: string | undefined,
  env: NodeJS.ProcessEnv,
  progress: (line: string) => void,
): Promise<{ env: NodeJS.ProcessEnv; cluster: Cluster }> {
  if (context !== undefined) {
    const cluster = await existingCluster({ context });
    return { env: { ...env, INPOD_CONTEXT: context, KUBECONFIG: cluster.kubeconfig }, cluster };
  }
  const cluster = await createCluster({ progress });
  return { env: { ...env, INPOD_CLUSTER: cluster.name }, cluster };
}

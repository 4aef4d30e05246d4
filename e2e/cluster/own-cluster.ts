import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { bringUp } from "./bring-up.ts";
import { cacheFolder } from "./cache.ts";
import type { Cluster } from "./cluster.ts";
import { clusterNames, readRecord } from "./cluster-record.ts";
import { createDaemons } from "./daemons.ts";
import { ClusterError } from "./errors.ts";
import { clustersFolder, layoutOf, type Profile } from "./layout.ts";
import { withLock } from "./lock.ts";
import { isAlive } from "./process-identity.ts";
import { existingCluster } from "./existing-cluster.ts";
import { openCluster } from "./running-cluster.ts";
import { teardown } from "./teardown.ts";

export interface CreateOptions {
  profile?: Profile;
  /** Unique by default. At most 40 letters, digits and dashes: it names a network namespace and a cgroup. */
  name?: string;
  /**
   * Take the cluster that `npm run cluster -- up` left running (or make it, to stay) instead of one of this process's
   * own, or the running one of this name. By default what INPOD_CLUSTER says: "reuse", or a name. INPOD_CONTEXT goes
   * before both: a context of the user's kubeconfig.
   */
  reuse?: boolean | string;
  /** Stays after this process, until `down`. */
  keep?: boolean;
  cache?: string;
  progress?: (line: string) => void;
}

/** The name of the cluster that `up` makes when it is given none. */
export const KEPT_NAME = "inpod";

/** A node that runs pods: about 10 s once the programs are built. */
export async function createCluster(options: CreateOptions = {}): Promise<Cluster> {
  const cache = options.cache ?? cacheFolder();
  const progress = options.progress ?? (() => {});
  const reuse = options.reuse ?? process.env["INPOD_CLUSTER"] ?? false;
  const context = process.env["INPOD_CONTEXT"];
  if (options.reuse === undefined && context) {
    const cluster = await existingCluster({ context, cache });
    if (options.profile !== undefined) await cluster.switchProfile(options.profile);
    return cluster;
  }
  await sweepClusters({ cache, progress });
  if (reuse !== false && reuse !== "") {
    const byName = typeof reuse === "string" && reuse !== "reuse";
    return shareCluster({
      name: byName ? reuse : KEPT_NAME,
      mayCreate: !byName,
      cache,
      progress,
      profile: options.profile,
    });
  }
  const profile = options.profile ?? "default";
  const name = options.name ?? (options.keep === true ? KEPT_NAME : `inpod-${randomBytes(4).toString("hex")}`);
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) {
    throw new ClusterError(
      "INPOD_CLUSTER_NAME",
      `"${name}" can't name a cluster: up to 40 small letters, digits and dashes`,
    );
  }
  return withLock(join(clustersFolder(cache), `${name}.lock`), async () => {
    if ((await readRecord(layoutOf(cache, name))) !== undefined) {
      throw new ClusterError("INPOD_CLUSTER_EXISTS", `a cluster named "${name}" exists already`, {
        fix: `Use it (INPOD_CLUSTER=${name}) or take it down: npm run cluster -- down ${name}`,
      });
    }
    await bringUp({ cache, progress, profile, name, keep: options.keep === true });
    const cluster = await findCluster(name, { cache });
    if (cluster === undefined) throw notRunning(name);
    return cluster;
  });
}

/** One cluster for several processes: whoever comes first makes it, and nobody's `close` ends it. */
async function shareCluster(options: {
  name: string;
  mayCreate: boolean;
  cache: string;
  progress: (line: string) => void;
  profile: Profile | undefined;
}): Promise<Cluster> {
  const { name, cache, progress, profile } = options;
  return withLock(join(clustersFolder(cache), `${name}.lock`), async () => {
    const find = (): Promise<Cluster | undefined> => openByName(name, cache, () => Promise.resolve());
    let cluster = await find();
    if (cluster === undefined && options.mayCreate) {
      await bringUp({ cache, progress, profile: profile ?? "default", name, keep: true });
      cluster = await find();
    }
    if (cluster === undefined) throw notRunning(name);
    if (profile !== undefined) await cluster.switchProfile(profile);
    return cluster;
  });
}

/** The running cluster of that name, or undefined. Its `close` takes it down. */
export async function findCluster(name: string, options: { cache?: string } = {}): Promise<Cluster | undefined> {
  const cache = options.cache ?? cacheFolder();
  return openByName(name, cache, () => teardown(layoutOf(cache, name)));
}

async function openByName(name: string, cache: string, close: () => Promise<void>): Promise<Cluster | undefined> {
  const layout = layoutOf(cache, name);
  const record = await readRecord(layout);
  if (record === undefined || !record.ready) return undefined;
  const holder = await createDaemons(layout).identity("mounts");
  if (holder === undefined || !(await isAlive(holder))) return undefined;
  return openCluster({ cache, layout, holder, profile: record.profile, close });
}

/** Takes a cluster down by name, running or half there. */
export async function stopCluster(name: string, options: { cache?: string } = {}): Promise<void> {
  const cache = options.cache ?? cacheFolder();
  await withLock(join(clustersFolder(cache), `${name}.lock`), () => teardown(layoutOf(cache, name)));
}

/** Takes down what earlier runs left behind: clusters whose owner is gone, and kept ones that a reboot has ended. */
export async function sweepClusters(
  options: { cache?: string; progress?: (line: string) => void } = {},
): Promise<void> {
  const cache = options.cache ?? cacheFolder();
  for (const name of await clusterNames(cache)) {
    const layout = layoutOf(cache, name);
    const abandoned = async (): Promise<boolean> => {
      const record = await readRecord(layout);
      if (record === undefined) return true;
      if (record.owner !== null) return !(await isAlive(record.owner));
      const holder = await createDaemons(layout).identity("mounts");
      return holder === undefined || !(await isAlive(holder));
    };
    if (!(await abandoned())) continue;
    await withLock(join(clustersFolder(cache), `${name}.lock`), async () => {
      if (!(await abandoned())) return;
      options.progress?.(`removing what is left of cluster ${name}`);
      await teardown(layout);
    });
  }
}

function notRunning(name: string): ClusterError {
  return new ClusterError("INPOD_CLUSTER_LOST", `there is no running cluster named "${name}"`, {
    fix: "Bring one up (npm run cluster -- up) and set INPOD_CLUSTER=reuse, or leave INPOD_CLUSTER unset.",
  });
}

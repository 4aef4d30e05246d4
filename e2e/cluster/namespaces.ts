import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Daemons } from "./daemons.ts";
import { ClusterError } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";
import { pathExists } from "./path-exists.ts";

/**
 * The cluster's own mount namespace, held by a process that does nothing else: volumes, container roots, pod network
 * names and /var/log/containers exist only in it, so that the kernel takes them all away with the last process, however
 * the cluster ends.
 */
export async function createMounts(layout: Layout, daemons: Daemons): Promise<ProcessIdentity> {
  const ready = join(layout.run, "mounts-ready");
  await mkdir(layout.run, { recursive: true });
  await rm(ready, { force: true });
  const script = [
    "set -e",
    // The kubelet's volumes must reach containers that are running already.
    "mount --make-rshared /",
    // Places that these programs have compiled in, and that nothing may be left in.
    "for folder in /run/netns /var/log /var/lib/cni /var/lib/kubelet; do",
    '  mkdir -p "$folder"; mount -t tmpfs inpod "$folder"',
    "done",
    `: > ${ready}`,
    "exec sleep infinity",
  ].join("\n");
  const holder = await daemons.start("mounts", ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]);
  for (;;) {
    if (await pathExists(ready)) return holder;
    if (!(await isAlive(holder))) {
      throw new ClusterError(
        "INPOD_CLUSTER_MOUNTS",
        `no mount namespace could be made:\n${await daemons.logTail("mounts")}`,
        {
          fix: "The cluster needs root with CAP_SYS_ADMIN.",
        },
      );
    }
    await sleep(20);
  }
}

/** The argv that runs a program of the cluster: in its mounts and its network. */
export function enterCluster(layout: Layout, holder: ProcessIdentity, argv: readonly string[]): string[] {
  return ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`, `--net=/run/netns/${layout.namespace}`, "--", ...argv];
}

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeCgroup } from "./cgroups.ts";
import { createDaemons, stopProcess } from "./daemons.ts";
import type { Layout } from "./layout.ts";
import { removeNetwork } from "./network-namespace.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";

/** The kubelet first, or it starts again what ends; etcd after everybody who writes to it; the mounts last. */
const ORDER = [
  "kubelet",
  "proxy",
  "dns",
  "scheduler",
  "controller-manager",
  "api-server",
  "etcd",
  "containerd",
] as const;

/**
 * Takes a cluster down by what it recorded, whoever started it and however far it came; at the end nothing of it is left
 * but, with `keepLogs`, its logs. Only processes of this cluster are touched: those with a recorded pid and start time,
 * its shims (known by the socket in their command line) and what runs in its cgroup.
 */
export async function teardown(layout: Layout, options: { keepLogs?: boolean } = {}): Promise<void> {
  const daemons = createDaemons(layout);
  // Nothing here is worth a slow end: the API server alone would wait a minute for its watchers.
  for (const name of ORDER) {
    if (name === "containerd") await removeCgroup(layout.cgroup);
    await daemons.stop(name, name === "kubelet" ? 3000 : 1000);
  }
  for (const shim of await shims(layout)) await stopProcess(shim, 500);
  await removeCgroup(layout.cgroup);
  for (const name of await daemons.names()) await daemons.stop(name, 500);
  await removeNetwork(layout.namespace);
  await removeStubbornly(layout.run);
  if (options.keepLogs === true) {
    for (const entry of await readdir(layout.folder).catch(() => [])) {
      if (entry !== "logs") await removeStubbornly(join(layout.folder, entry));
    }
  } else {
    await removeStubbornly(layout.folder);
  }
}

async function shims(layout: Layout): Promise<ProcessIdentity[]> {
  const found: ProcessIdentity[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const args = (await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (!args[0]?.includes("containerd-shim") || !args.includes(layout.containerdSocket)) continue;
    const shim = await identify(Number(entry)).catch(() => undefined);
    if (shim !== undefined) found.push(shim);
  }
  return found;
}

/** A mount of a namespace that is just ending may hold a folder for a moment longer. */
async function removeStubbornly(path: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rm(path, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
}

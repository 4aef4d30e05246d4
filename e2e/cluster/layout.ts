import { join } from "node:path";

/**
 * The addresses are the same in every cluster: each has a network namespace of its own, so they can't meet, and nothing
 * in them leads outside.
 */
export const NODE_NAME = "inpod-node";
export const NODE_IP = "10.200.0.1";
export const GATEWAY_IP = "10.200.0.2";
export const POD_CIDR = "10.244.0.0/24";
export const SERVICE_CIDR = "10.96.0.0/16";
/** The first address of the Service range, which the API server takes for `kubernetes.default`. */
export const API_SERVICE_IP = "10.96.0.1";
export const DNS_DOMAIN = "cluster.local";
export const PAUSE_IMAGE = "inpod.test/pause:1";

export type Profile = "default" | "dev";

/** Every file of one cluster. Sockets live under /run: a path in the cache may pass the 107 bytes a socket may have. */
export interface Layout {
  name: string;
  folder: string;
  record: string;
  logs: string;
  pids: string;
  pki: string;
  etcd: string;
  kubelet: string;
  podLogs: string;
  volumes: string;
  containerd: string;
  run: string;
  containerdSocket: string;
  config: string;
  adminKubeconfig: string;
  namespace: string;
  /** Below each cgroup hierarchy: two kubelets that share a root remove each other's pods. */
  cgroup: string;
}

export function clustersFolder(cache: string): string {
  return join(cache, "clusters");
}

export function layoutOf(cache: string, name: string): Layout {
  const folder = join(clustersFolder(cache), name);
  const run = `/run/inpod/${name}`;
  return {
    name,
    folder,
    record: join(folder, "cluster.json"),
    logs: join(folder, "logs"),
    pids: join(folder, "pids"),
    pki: join(folder, "pki"),
    etcd: join(folder, "etcd"),
    kubelet: join(folder, "kubelet"),
    podLogs: join(folder, "pod-logs"),
    volumes: join(folder, "volumes"),
    containerd: join(folder, "containerd"),
    run,
    containerdSocket: `${run}/containerd.sock`,
    config: join(folder, "config"),
    adminKubeconfig: join(folder, "kubeconfig"),
    namespace: name,
    cgroup: `/${name}`,
  };
}

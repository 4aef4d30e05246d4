import { join } from "node:path";
import type { Pki } from "./certificates.ts";
import { kubeconfigPath, type Programs } from "./control-plane.ts";
import { DNS_DOMAIN, NODE_IP, NODE_NAME, PAUSE_IMAGE, POD_CIDR, type Layout, type Profile } from "./layout.ts";

/** The command lines of the node's programs. */
export function nodeCommands(layout: Layout, programs: Programs): Record<"containerd" | "kubelet" | "proxy", string[]> {
  return {
    containerd: ["containerd", "--config", join(layout.config, "containerd.toml")],
    kubelet: [
      join(programs.kubernetes, "kubelet"),
      `--config=${join(layout.config, "kubelet.json")}`,
      `--kubeconfig=${kubeconfigPath(layout, "kubelet")}`,
      `--root-dir=${layout.kubelet}`,
      `--cert-dir=${layout.pki}`,
      `--node-ip=${NODE_IP}`,
      `--hostname-override=${NODE_NAME}`,
    ],
    proxy: [join(programs.kubernetes, "kube-proxy"), `--config=${join(layout.config, "proxy.json")}`],
  };
}

/** `snapshotter` is "overlayfs" where the cache's file system can carry one, else "native" (which copies). */
export function containerdConfig(layout: Layout, snapshotter: string): string {
  return `version = 2
root = "${layout.containerd}"
state = "${layout.run}/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper",
]

[grpc]
  address = "${layout.containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE a score below the parent's can't be set.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "${snapshotter}"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${join(layout.config, "cni")}"
`;
}

/** `ptp` and not `bridge`: every packet is routed, so Services work without the br_netfilter module. */
export function cniConfig(layout: Layout): string {
  return json({
    cniVersion: "0.4.0",
    name: "inpod",
    plugins: [
      {
        type: "ptp",
        ipMasq: false,
        ipam: {
          type: "host-local",
          dataDir: join(layout.folder, "cni"),
          ranges: [[{ subnet: POD_CIDR }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  });
}

/**
 * The profiles differ in one setting: `dev` waits 1 s at most before a container that ends again is restarted, as one may
 * configure one's own nodes; `default` is the kubelet's own back-off, which is what users have.
 */
export function kubeletConfig(layout: Layout, pki: Pki, profile: Profile): string {
  return json({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: NODE_IP,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki.ca },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: pki.certificate("kubelet"),
    tlsPrivateKeyFile: pki.key("kubelet"),
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: layout.cgroup,
    cgroupsPerQOS: true,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    maxOpenFiles: 20000,
    // A test machine's disk is rarely as empty as the kubelet wants it: nothing may be evicted or removed for that.
    evictionHard: {
      "memory.available": "0%",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "imagefs.available": "0%",
      "imagefs.inodesFree": "0%",
    },
    imageGCHighThresholdPercent: 100,
    clusterDNS: [NODE_IP],
    clusterDomain: DNS_DOMAIN,
    // Not the machine's: its search domains and servers mean nothing here.
    resolvConf: join(layout.config, "resolv.conf"),
    podLogsDir: layout.podLogs,
    volumePluginDir: join(layout.folder, "volume-plugins"),
    ...(profile === "dev" ? { crashLoopBackOff: { maxContainerRestartPeriod: "1s" } } : {}),
  });
}

export function proxyConfig(layout: Layout): string {
  return json({
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    bindAddress: NODE_IP,
    hostnameOverride: NODE_NAME,
    clientConnection: { kubeconfig: kubeconfigPath(layout, "proxy") },
    mode: "iptables",
    clusterCIDR: POD_CIDR,
    // The machine's connection tracking is not ours to set.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    oomScoreAdj: 0,
  });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

import { join } from "node:path";
import type { Pki } from "./certificates.ts";
import { NODE_IP, SERVICE_CIDR, type Layout } from "./layout.ts";

export interface Programs {
  etcd: string;
  kubernetes: string;
  coredns: string;
}

/** The command lines of the control plane; the kubeconfigs they name are written by the caller. */
export function controlPlaneCommands(
  layout: Layout,
  programs: Programs,
  pki: Pki,
): Record<"etcd" | "api-server" | "controller-manager" | "scheduler", string[]> {
  const kubernetes = (name: string): string => join(programs.kubernetes, name);
  return {
    etcd: [
      join(programs.etcd, "etcd"),
      "--name=inpod",
      `--data-dir=${layout.etcd}`,
      "--listen-client-urls=http://127.0.0.1:2379",
      "--advertise-client-urls=http://127.0.0.1:2379",
      "--listen-peer-urls=http://127.0.0.1:2380",
      // The data lives as long as the cluster does: a power cut takes both.
      "--unsafe-no-fsync",
      "--log-level=warn",
    ],
    "api-server": [
      kubernetes("kube-apiserver"),
      "--etcd-servers=http://127.0.0.1:2379",
      `--bind-address=${NODE_IP}`,
      `--advertise-address=${NODE_IP}`,
      "--secure-port=6443",
      `--service-cluster-ip-range=${SERVICE_CIDR}`,
      `--cert-dir=${layout.pki}`,
      `--tls-cert-file=${pki.certificate("api-server")}`,
      `--tls-private-key-file=${pki.key("api-server")}`,
      `--client-ca-file=${pki.ca}`,
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--allow-privileged=true",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${pki.serviceAccountPublicKey}`,
      `--service-account-signing-key-file=${pki.serviceAccountKey}`,
      `--kubelet-certificate-authority=${pki.ca}`,
      `--kubelet-client-certificate=${pki.certificate("api-server-kubelet-client")}`,
      `--kubelet-client-key=${pki.key("api-server-kubelet-client")}`,
      // The node's name resolves nowhere.
      "--kubelet-preferred-address-types=InternalIP",
    ],
    "controller-manager": [
      kubernetes("kube-controller-manager"),
      `--kubeconfig=${kubeconfigPath(layout, "controller-manager")}`,
      `--service-account-private-key-file=${pki.serviceAccountKey}`,
      `--root-ca-file=${pki.ca}`,
      "--use-service-account-credentials=true",
      "--leader-elect=false",
      "--bind-address=127.0.0.1",
      `--cert-dir=${layout.pki}`,
    ],
    scheduler: [
      kubernetes("kube-scheduler"),
      `--kubeconfig=${kubeconfigPath(layout, "scheduler")}`,
      "--leader-elect=false",
      "--bind-address=127.0.0.1",
    ],
  };
}

export function kubeconfigPath(layout: Layout, name: "controller-manager" | "scheduler" | "kubelet" | "proxy"): string {
  return join(layout.config, `${name}.kubeconfig`);
}

/** CoreDNS as a plain process on the node's address: `clusterDNS` of every pod. */
export function corednsCommand(layout: Layout, programs: Programs): string[] {
  return [join(programs.coredns, "coredns"), "-conf", join(layout.config, "Corefile")];
}

export function corefile(layout: Layout): string {
  return `.:53 {
  bind ${NODE_IP}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${layout.adminKubeconfig}
    pods insecure
    ttl 2
  }
  cache 2
}
`;
}

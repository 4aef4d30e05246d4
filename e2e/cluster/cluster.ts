import type { RunOptions } from "./command.ts";
import type { Profile } from "./layout.ts";

/** A Kubernetes that tests run on: ours on this machine, or the user's own. */
export interface Cluster {
  readonly name: string;
  /** Path of a kubeconfig with full rights. */
  readonly kubeconfig: string;
  /** The network namespace that everything runs in; undefined for a cluster of the user's. */
  readonly netns: string | undefined;
  /** The node's address inside the namespace; undefined for a cluster of the user's. */
  readonly nodeIp: string | undefined;
  /** Folder of the programs' logs; undefined for a cluster of the user's. */
  readonly logs: string | undefined;
  readonly profile: Profile;
  /** Environment with KUBECONFIG, helm's folders, and kubectl and helm on the PATH, for programs run through `nsenter`. */
  readonly env: NodeJS.ProcessEnv;
  /** The argv that runs a command where the cluster's addresses answer. */
  nsenter(argv: readonly string[]): string[];
  /** Runs a command there to its end; its stdout. Throws with the last lines when it fails. */
  run(argv: readonly string[], options?: RunOptions): Promise<string>;
  /** kubectl with what it needs to find the cluster, for a caller that spawns it: `nsenter([...kubectlCommand, "logs"])`. */
  readonly kubectlCommand: readonly string[];
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>;
  helm(args: readonly string[], options?: RunOptions): Promise<string>;
  /**
   * Makes an image archive (OCI or Docker) known to the node under `ref`; the digest is that of its manifest, and
   * `name@digest` works in a pod too. Loading the same file again takes no time.
   */
  loadImage(ref: string, archive: string): Promise<{ digest: string }>;
  /** Stops the kubelet and starts it again; resolves when the node is Ready. */
  restartKubelet(): Promise<void>;
  /** Kills the process that holds the pod's namespaces, as a node's reboot does; the old sandbox's id. */
  killSandbox(namespace: string, pod: string): Promise<{ sandbox: string }>;
  /** A PersistentVolume (class `inpod-host-path`, ReadWriteOnce, kept on release) on the node's disk; its folder. */
  createHostPathVolume(name: string, size: string): Promise<{ path: string }>;
  /** Sets the kubelet's back-off as the profile has it and restarts the kubelet. */
  switchProfile(profile: Profile): Promise<void>;
  /** Idempotent. A cluster that was found running stays. */
  close(): Promise<void>;
}

export type { Profile } from "./layout.ts";
export { createCluster, findCluster, stopCluster } from "./own-cluster.ts";
export { existingCluster } from "./existing-cluster.ts";

import { NODE_NAME } from "./layout.ts";

/** Claims ask for it by name; there is no provisioner behind it. */
export const STORAGE_CLASS = "inpod-host-path";

/** A PersistentVolume on the node's disk, made by hand: a claim of this class and at most this size binds to it. */
export function hostPathVolume(name: string, size: string, path: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      storageClassName: STORAGE_CLASS,
      capacity: { storage: size },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      // Unlike hostPath, a local volume gets the pod's fsGroup.
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [NODE_NAME] }] },
          ],
        },
      },
    },
  };
}

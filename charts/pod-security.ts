/** A pod's spec, as far as Pod Security "restricted" looks into it. */
export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: SecurityContext & { readonly sysctls?: readonly { readonly name: string }[] };
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly containerPort: number; readonly hostPort?: number }[];
  readonly envFrom?: unknown;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly livenessProbe?: unknown;
  readonly startupProbe?: unknown;
  readonly volumeMounts?: readonly Mount[];
  readonly securityContext?: SecurityContext;
}

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly procMount?: string;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seccompProfile?: { readonly type?: string };
}

const VOLUMES = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);
const SYSCTLS = new Set([
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
]);

/**
 * What the profile "restricted" would refuse of this pod, one sentence each.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function restrictedProblems(pod: PodSpec): string[] {
  const problems: string[] = [];
  for (const field of ["hostNetwork", "hostPID", "hostIPC"] as const) if (pod[field] === true) problems.push(field);
  for (const { name } of pod.securityContext?.sysctls ?? []) if (!SYSCTLS.has(name)) problems.push(`sysctl ${name}`);
  for (const volume of pod.volumes ?? []) {
    for (const kind of Object.keys(volume)) {
      if (kind !== "name" && !VOLUMES.has(kind)) problems.push(`volume ${String(volume["name"])} is a ${kind}`);
    }
  }
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    problems.push(...containerProblems(container, pod).map((problem) => `${container.name}: ${problem}`));
  }
  return problems;
}

function containerProblems({ securityContext: own = {}, ports = [] }: Container, pod: PodSpec): string[] {
  const both = { ...pod.securityContext, ...own };
  const problems: string[] = [];
  const unless = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem);
  };
  unless(own.privileged !== true, "privileged");
  unless(own.allowPrivilegeEscalation === false, "allowPrivilegeEscalation isn't false");
  unless(both.runAsNonRoot === true, "runAsNonRoot isn't true");
  unless(both.runAsUser !== 0, "runs as uid 0");
  unless(["RuntimeDefault", "Localhost"].includes(both.seccompProfile?.type ?? ""), "no seccomp profile");
  unless(own.capabilities?.drop?.includes("ALL") === true, "doesn't drop all capabilities");
  unless(
    (own.capabilities?.add ?? []).every((name) => name === "NET_BIND_SERVICE"),
    "adds capabilities",
  );
  unless((own.procMount ?? "Default") === "Default", "procMount");
  unless(
    ports.every((port) => (port.hostPort ?? 0) === 0),
    "has a host port",
  );
  return problems;
}

import { readdir, readFile } from "node:fs/promises";

export interface ContainerProcess {
  /** As this machine numbers it, not as the container does. */
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/**
 * The processes of a container on this machine, found by their cgroup; containerId as in a pod's status
 * (`containerd://…`). Faults are injected from here: inside a container nobody can kill its PID 1.
 */
export async function containerProcesses(containerId: string): Promise<readonly ContainerProcess[]> {
  const id = containerId.replace(/^.*:\/\//, "");
  if (id === "") return [];
  const found = await Promise.all(
    (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map((pid) => processIn(id, Number(pid))),
  );
  return found.filter((one) => one !== undefined);
}

async function processIn(id: string, pid: number): Promise<ContainerProcess | undefined> {
  try {
    const cgroup = await readFile(`/proc/${pid}/cgroup`, "utf8");
    if (!cgroup.includes(id)) return undefined;
    const [stat, command] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { pid, parent: Number(afterName[1]), command: command.replaceAll("\0", " ").trim() };
  } catch {
    // It ended while we looked.
    return undefined;
  }
}

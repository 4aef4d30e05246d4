import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathExists } from "./path-exists.ts";

const MOUNTED = "/sys/fs/cgroup";

/** The top folders to make a cgroup in: one per v1 hierarchy, or the single one of v2. */
async function hierarchies(): Promise<string[]> {
  if (await pathExists(join(MOUNTED, "cgroup.controllers"))) return [MOUNTED];
  const entries = await readdir(MOUNTED, { withFileTypes: true });
  // `cpu` and `cpu,cpuacct` may be links to each other: a link names a hierarchy that is listed already.
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(MOUNTED, entry.name));
}

export async function createCgroup(path: string): Promise<void> {
  for (const top of await hierarchies()) {
    const folder = join(top, path);
    await mkdir(folder, { recursive: true });
    if (await pathExists(join(top, "cgroup.controllers"))) {
      const controllers = (await readFile(join(top, "cgroup.controllers"), "utf8")).split(/\s+/).filter(Boolean);
      const enable = controllers.map((name) => `+${name}`).join(" ");
      // Beside v1 hierarchies the v2 one has no controllers to hand on.
      if (enable === "") continue;
      await writeFile(join(top, "cgroup.subtree_control"), enable);
      await writeFile(join(folder, "cgroup.subtree_control"), enable);
    }
    // A new v1 cpuset is empty, and nothing may enter it until it has cores and memory.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const parent = await readFile(join(top, file), "utf8").catch(() => "");
      if (parent.trim() !== "" && !(await pathExists(join(top, "cgroup.controllers")))) {
        await writeFile(join(folder, file), parent.trim());
      }
    }
  }
}

/** Kills what runs below the cgroup (containers of a cluster that is gone) and removes the folders. */
export async function removeCgroup(path: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    let left = 0;
    for (const top of await hierarchies()) {
      for (const folder of await foldersBelow(join(top, path))) {
        for (const pid of (await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "")).split("\n")) {
          if (pid !== "") killQuietly(Number(pid));
        }
        await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== "ENOENT") left++;
        });
      }
    }
    if (left === 0) return;
    await sleep(100);
  }
}

/** Deepest first: a cgroup with children can't be removed. */
async function foldersBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => foldersBelow(join(folder, entry.name))),
  );
  return [...below.flat(), folder];
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

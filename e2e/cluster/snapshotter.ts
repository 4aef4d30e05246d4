import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { tryRun } from "./command.ts";

/** "overlayfs" where the folder's file system can be the upper layer of one (an overlay itself can't), else "native". */
export async function chooseSnapshotter(folder: string): Promise<"overlayfs" | "native"> {
  const probe = await mkdtemp(join(folder, "probe-"));
  try {
    for (const name of ["lower", "upper", "work", "merged"]) await mkdir(join(probe, name));
    const layers = `lowerdir=${probe}/lower,upperdir=${probe}/upper,workdir=${probe}/work`;
    // In a mount namespace of its own, so that nothing has to be unmounted.
    const mount = ["unshare", "--mount", "mount", "-t", "overlay", "probe", "-o", layers, join(probe, "merged")];
    return (await tryRun(mount)).code === 0 ? "overlayfs" : "native";
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

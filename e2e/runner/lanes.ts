import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The cluster's specs in the lanes that run at the same time, each on a cluster of its own: those that want the kubelet of the
 * profile `dev`, and the others. One lane where there is only one cluster.
 */
export async function lanesOf(
  root: string,
  files: readonly string[],
  clusters: "one" | "several",
): Promise<string[][]> {
  if (clusters === "one") return [[...files]];
  const dev = await Promise.all(
    files.map(async (file) => (await readFile(join(root, file), "utf8")).includes('openStage("dev")')),
  );
  const lanes = [files.filter((_, i) => dev[i] === false), files.filter((_, i) => dev[i] === true)];
  return lanes.filter((lane) => lane.length > 0);
}

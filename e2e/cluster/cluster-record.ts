import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { clustersFolder, type Layout, type Profile } from "./layout.ts";
import { ifMissing } from "./path-exists.ts";
import { parseIdentity, type ProcessIdentity } from "./process-identity.ts";

/** What another process must know of a cluster: enough to use it, and to take it down when its owner is gone. */
export interface ClusterRecord {
  v: 1;
  name: string;
  profile: Profile;
  /** The process whose end is the cluster's; null for one that is to stay until `down`. */
  owner: ProcessIdentity | null;
  ready: boolean;
}

export async function writeRecord(layout: Layout, record: ClusterRecord): Promise<void> {
  await mkdir(layout.folder, { recursive: true });
  await writeFile(`${layout.record}.new`, `${JSON.stringify(record)}\n`);
  await rename(`${layout.record}.new`, layout.record);
}

/** undefined where there is no cluster of that name, or one that was cut short before it could say what it is. */
export async function readRecord(layout: Layout): Promise<ClusterRecord | undefined> {
  const text = await readFile(layout.record, "utf8").catch(ifMissing);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<ClusterRecord>;
    const owner = value.owner === null ? null : parseIdentity(JSON.stringify(value.owner));
    if (value.v !== 1 || owner === undefined || value.name !== layout.name) return undefined;
    return {
      v: 1,
      name: layout.name,
      profile: value.profile === "dev" ? "dev" : "default",
      owner,
      ready: value.ready === true,
    };
  } catch {
    return undefined;
  }
}

export async function clusterNames(cache: string): Promise<string[]> {
  const entries = await readdir(clustersFolder(cache), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && !entry.name.includes(".")).map((entry) => entry.name);
}

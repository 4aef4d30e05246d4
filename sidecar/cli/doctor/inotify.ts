import { watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { fail, ok, warn, type Finding } from "./finding.ts";

export interface InotifyFacts {
  readonly mostWatches: number;
  readonly mostInstances: number;
  /** Held by the processes of this container; other pods of the node count too, and can't be seen. */
  readonly watches: number;
  readonly instances: number;
  /** Why no more could be made, or undefined. */
  readonly refused?: string;
}

const name = "inotify";
const fix = (what: string, at: number) =>
  `the node's limit is shared by all pods of this uid: raise fs.inotify.${what} on the node (now ${at}), or leave folders out of watching`;

export function judgeInotify(facts: InotifyFacts): Finding {
  const { mostWatches, mostInstances, watches, instances, refused } = facts;
  const found = `${watches} of ${mostWatches} watches and ${instances} of ${mostInstances} instances used here`;
  if (refused !== undefined) {
    const what = refused.includes("EMFILE") ? "max_user_instances" : "max_user_watches";
    const most = what === "max_user_instances" ? mostInstances : mostWatches;
    return fail(name, `${found}; another one is refused (${refused}): changes are seen by polling`, fix(what, most));
  }
  if (watches > mostWatches * 0.75) return warn(name, found, fix("max_user_watches", mostWatches));
  if (instances > mostInstances * 0.75) return warn(name, found, fix("max_user_instances", mostInstances));
  return ok(name, found);
}

export async function lookAtInotify(folder: string): Promise<InotifyFacts> {
  const limit = async (file: string) => Number(await readFile(`/proc/sys/fs/inotify/${file}`, "utf8"));
  const [mostWatches, mostInstances, used] = await Promise.all([
    limit("max_user_watches"),
    limit("max_user_instances"),
    countUsed(),
  ]);
  const refused = tryWatch(folder);
  return { mostWatches, mostInstances, ...used, ...(refused === undefined ? {} : { refused }) };
}

function tryWatch(folder: string): string | undefined {
  try {
    watch(folder).close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A descriptor of inotify has a line for each of its watches in its fdinfo. */
async function countUsed(): Promise<{ watches: number; instances: number }> {
  let watches = 0;
  let instances = 0;
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const descriptors = await readdir(`/proc/${pid}/fdinfo`).catch(() => []);
    for (const descriptor of descriptors) {
      const text = await readFile(`/proc/${pid}/fdinfo/${descriptor}`, "utf8").catch(() => "");
      const own = text.match(/^inotify /gm)?.length ?? 0;
      watches += own;
      if (own > 0) instances++;
    }
  }
  return { watches, instances };
}

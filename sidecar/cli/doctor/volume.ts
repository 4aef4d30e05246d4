import { constants } from "node:fs";
import { access, opendir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, warn, type Finding } from "./finding.ts";

export interface VolumeFacts {
  readonly path: string;
  /** Why it can't be written, or undefined. */
  readonly unwritable?: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  readonly totalInodes: number;
  /** What `kit copy` left when it filled the volume in the app's image. */
  readonly filledFrom?: string;
  readonly durable: boolean | undefined;
  readonly owner: { readonly uid: number; readonly gid: number; readonly setgid: boolean };
  readonly self: { readonly uid: number; readonly groups: readonly number[] };
  /** Files and folders that this user can't write, of those looked at. */
  readonly lockedOut: { readonly count: number; readonly looked: number; readonly first?: string };
}

const mebibyte = 1024 * 1024;
/** Enough for a build's small files; below it editors begin to fail. */
const scarce = { bytes: 100 * mebibyte, part: 0.05, inodes: 0.02 };

export function judgeVolume(facts: VolumeFacts): Finding[] {
  const { path, freeBytes, totalBytes } = facts;
  if (facts.unwritable !== undefined) {
    return [
      fail(
        "source volume",
        `${path} can't be written: ${facts.unwritable}`,
        "give the pod an fsGroup that owns the volume (podSecurityContext.fsGroup), or run the IDE as the app's uid (ide.runAsUser)",
      ),
    ];
  }
  const from = facts.filledFrom === undefined ? "" : `, filled from ${facts.filledFrom}`;
  const findings = [
    facts.durable === false
      ? warn(
          "source volume",
          `${path} can be written${from}; it dies with the pod (emptyDir)`,
          "commit and push what you want to keep, or set source.size",
        )
      : ok("source volume", `${path} can be written${from}`),
  ];
  const free = `${Math.floor(freeBytes / mebibyte)} MiB of ${Math.floor(totalBytes / mebibyte)} MiB free`;
  const fewInodes = facts.totalInodes > 0 && facts.freeInodes < facts.totalInodes * scarce.inodes;
  if (freeBytes === 0) findings.push(fail("space", free, "delete what builds have left, or enlarge source.size"));
  else if (freeBytes < scarce.bytes || freeBytes < totalBytes * scarce.part || fewInodes) {
    const inodes = fewInodes ? `, ${facts.freeInodes} of ${facts.totalInodes} inodes` : "";
    findings.push(warn("space", free + inodes, "delete what builds have left, or enlarge source.size"));
  } else findings.push(ok("space", free));
  findings.push(judgeOwners(facts));
  return findings;
}

function judgeOwners({ path, owner, self, lockedOut }: VolumeFacts): Finding {
  const name = "uid and gid";
  const who = `this is uid ${self.uid}, groups ${self.groups.join(" ")}; ${path} is ${owner.uid}:${owner.gid}`;
  if (lockedOut.count > 0) {
    return warn(
      name,
      `${who}; ${lockedOut.count} of ${lockedOut.looked} files looked at can't be written, the first ${lockedOut.first}`,
      "they were made by another uid without the group's right to write: chmod -R g+w in the container that made them, and umask 002 there",
    );
  }
  if (owner.uid !== self.uid && !owner.setgid) {
    return warn(
      name,
      `${who}, without setgid: new files get their maker's own group`,
      `run chmod g+s ${path} as its owner`,
    );
  }
  return ok(name, who);
}

/** Enough to meet a whole project's own files; node_modules and the like are looked into last. */
const mostLooked = 2000;

export async function lookAtVolume(path: string, durable: boolean | undefined): Promise<VolumeFacts> {
  const [self, space, own, unwritable, marker, lockedOut] = await Promise.all([
    whoAmI(),
    statfs(path),
    stat(path),
    access(path, constants.W_OK | constants.X_OK).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
    readFile(join(path, ".inpod/source.json"), "utf8").catch(() => undefined),
    lockedOutOf(path),
  ]);
  const filledFrom = imageOf(marker);
  return {
    path,
    ...(unwritable === undefined ? {} : { unwritable }),
    freeBytes: space.bavail * space.bsize,
    totalBytes: space.blocks * space.bsize,
    freeInodes: space.ffree,
    totalInodes: space.files,
    ...(filledFrom === undefined ? {} : { filledFrom }),
    durable,
    owner: { uid: own.uid, gid: own.gid, setgid: (own.mode & 0o2000) !== 0 },
    self,
    lockedOut,
  };
}

async function whoAmI(): Promise<VolumeFacts["self"]> {
  const text = await readFile("/proc/self/status", "utf8");
  const numbers = (name: string) =>
    (new RegExp(`^${name}:(.*)$`, "m").exec(text)?.[1] ?? "").split(/\s+/).filter(Boolean).map(Number);
  // Real, effective, saved, of the file system.
  const [, gid = 0] = numbers("Gid");
  return { uid: numbers("Uid")[1] ?? 0, groups: [...new Set([gid, ...numbers("Groups")])] };
}

function imageOf(marker: string | undefined): string | undefined {
  if (marker === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(marker);
    const image: unknown = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "image") : undefined;
    return typeof image === "string" ? image : "an image";
  } catch {
    return undefined;
  }
}

async function lockedOutOf(root: string): Promise<VolumeFacts["lockedOut"]> {
  const folders = [root];
  let count = 0;
  let looked = 0;
  let first: string | undefined;
  for (let folder = folders.shift(); folder !== undefined && looked < mostLooked; folder = folders.shift()) {
    const entries = await opendir(folder).catch(() => undefined);
    if (entries === undefined) continue;
    for await (const entry of entries) {
      if (looked >= mostLooked) break;
      if (!entry.isFile() && !entry.isDirectory()) continue;
      looked++;
      const path = join(folder, entry.name);
      const may = await access(path, constants.W_OK).then(
        () => true,
        () => false,
      );
      if (!may) {
        count++;
        first ??= path;
      }
      if (entry.isDirectory() && entry.name !== ".git") folders.push(path);
    }
  }
  return { count, looked, ...(first === undefined ? {} : { first }) };
}

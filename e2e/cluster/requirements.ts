import { access, constants, readFile, statfs } from "node:fs/promises";
import { arch, platform, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { run, tryRun } from "./command.ts";
import { ClusterError } from "./errors.ts";
import { findGo } from "./go-toolchain.ts";
import { pathExists } from "./path-exists.ts";
import { BUILD_MINUTES, hasTool, TOOL_NAMES, toolVersion } from "./tools.ts";

/** What a test may ask of the machine. */
export type Part = "cluster" | "images" | "browser" | "chart" | "kit";

export interface PartReport {
  part: Part;
  /** Names of what is not there: programs, and powers of this process. */
  missing: string[];
  /** Whether `installRequirements` brings all of it. */
  installable: boolean;
  /** Debian packages that it would install. */
  packages: string[];
  /** Programs that will be built from source on first use, with the minutes that takes. */
  builds: { name: string; minutes: number }[];
  /** Why the part can't run here, in a sentence; undefined when it can, now or after the installation. */
  reason: string | undefined;
}

/** A program, or a file by its full path, and the Debian package that brings it. */
const PROGRAMS: Record<Part, Record<string, string>> = {
  cluster: {
    containerd: "containerd",
    ctr: "containerd",
    runc: "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    iptables: "iptables",
    conntrack: "conntrack",
    ip: "iproute2",
    nsenter: "util-linux",
    unshare: "util-linux",
    mount: "mount",
    openssl: "openssl",
    cc: "gcc",
    "/usr/include/stdio.h": "libc6-dev",
    go: "golang-go",
  },
  images: { buildah: "buildah", runc: "runc", debootstrap: "debootstrap", tar: "tar", npm: "npm" },
  browser: { chromium: "chromium" },
  chart: { go: "golang-go" },
  kit: {
    cc: "gcc",
    "musl-gcc": "musl-tools",
    script: "bsdutils",
    "qemu-aarch64-static": "qemu-user-static",
    pip3: "python3-pip",
  },
};

/** Without its programs such a part runs all the same: what needs them is skipped, and said. */
const RUNS_WITHOUT: ReadonlySet<Part> = new Set(["kit"]);

const TOOLS: Record<Part, readonly (keyof typeof BUILD_MINUTES)[]> = {
  cluster: TOOL_NAMES,
  images: [],
  browser: [],
  chart: ["helm"],
  kit: [],
};

/** In bytes: what the built programs, the base and two IDE images take, with room for the Go build. */
const DISK: Record<Part, number> = { cluster: 8e9, images: 8e9, browser: 5e8, chart: 2e9, kit: 1.5e9 };
const MEMORY: Record<Part, number> = { cluster: 3.5e9, images: 1e9, browser: 1e9, chart: 1e9, kit: 1e8 };

/** Looks, and changes nothing: for the words that a test run says before it starts. */
export async function checkRequirements(
  parts: readonly Part[],
  options: { cache?: string } = {},
): Promise<PartReport[]> {
  const cache = options.cache ?? cacheFolder();
  return Promise.all(parts.map((part) => checkPart(part, cache)));
}

async function checkPart(part: Part, cache: string): Promise<PartReport> {
  const impossible: string[] = [];
  if (platform() !== "linux") impossible.push(`it needs Linux, and this is ${platform()}`);
  if (arch() !== "x64" && arch() !== "arm64") impossible.push(`it needs x64 or arm64, and this is ${arch()}`);

  const builds = [];
  for (const name of TOOLS[part]) {
    if (!(await hasTool(name, cache)))
      builds.push({ name: `${name} ${toolVersion(name)}`, minutes: BUILD_MINUTES[name] });
  }
  const missing: string[] = [];
  const packages = new Set<string>();
  for (const [program, package_] of Object.entries(PROGRAMS[part])) {
    // Go is for building: with everything built it isn't asked for.
    if (program === "go" && (builds.length === 0 || (await findGo()) !== undefined)) continue;
    if (await isThere(program)) continue;
    missing.push(program);
    packages.add(package_);
  }
  if (packages.size > 0 && !(await isThere("apt-get"))) {
    impossible.push(`${missing.join(", ")} must be installed by hand: there is no apt-get here`);
  } else if (packages.size > 0 && process.getuid?.() !== 0) {
    impossible.push(`${missing.join(", ")} can only be installed as root: apt-get install ${[...packages].join(" ")}`);
  }
  if (part === "cluster" || part === "images") impossible.push(...(await missingPowers(part)));
  impossible.push(...(await missingRoom(part, cache)));
  if (impossible.length > 0 && RUNS_WITHOUT.has(part)) {
    return { part, missing, installable: false, packages: [], builds, reason: undefined };
  }
  return {
    part,
    missing,
    installable: impossible.length === 0,
    packages: [...packages].sort(),
    builds,
    reason: impossible.length === 0 ? undefined : impossible.join("; "),
  };
}

/** What the kernel or a container around us may refuse, each tried in namespaces that end at once. */
async function missingPowers(part: Part): Promise<string[]> {
  if (process.getuid?.() !== 0) return ["it needs root: namespaces, mounts and cgroups are made"];
  if (!(await isThere("unshare"))) return [];
  const powers: string[] = [];
  const can = async (argv: readonly string[]): Promise<boolean> =>
    (await tryRun(argv).catch(() => ({ code: 1 }))).code === 0;
  if (!(await can(["unshare", "--mount", "mount", "--make-rshared", "/"]))) {
    powers.push("mount namespaces are refused here (CAP_SYS_ADMIN)");
  }
  if (part === "images") return powers;
  const forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
  if (!(await can(["unshare", "--net", "sh", "-c", forward]))) {
    powers.push("a network namespace that forwards packets is refused here (CAP_NET_ADMIN, writable /proc/sys)");
  }
  if (await isThere("iptables")) {
    if (!(await can(["unshare", "--net", "iptables", "--table=nat", "--list", "--numeric"]))) {
      powers.push("iptables can't keep a nat table here (kernel without nf_tables or nf_nat)");
    }
  }
  if (!(await cgroupsAreOurs())) powers.push("the cgroup hierarchies at /sys/fs/cgroup are missing or read-only");
  return powers;
}

async function cgroupsAreOurs(): Promise<boolean> {
  const writable = (path: string): Promise<boolean> =>
    access(path, constants.W_OK).then(
      () => true,
      () => false,
    );
  if (await pathExists("/sys/fs/cgroup/cgroup.controllers")) {
    const read = (file: string): Promise<string> => readFile(`/sys/fs/cgroup/${file}`, "utf8").catch(() => "");
    const given = (await read("cgroup.subtree_control")).split(/\s+/);
    if (["cpu", "cpuset", "memory", "pids"].every((name) => given.includes(name))) return true;
    // In a container the top is no real root: with processes in it, it can't hand controllers on.
    const isRealRoot = !(await pathExists("/sys/fs/cgroup/cgroup.type"));
    const isEmpty = (await read("cgroup.procs")).trim() === "";
    return (isRealRoot || isEmpty) && writable("/sys/fs/cgroup/cgroup.subtree_control");
  }
  const needed = ["cpu", "cpuset", "memory", "pids"].map((name) => writable(`/sys/fs/cgroup/${name}/cgroup.procs`));
  return (await Promise.all(needed)).every(Boolean);
}

async function missingRoom(part: Part, cache: string): Promise<string[]> {
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
  const lacks: string[] = [];
  if (totalmem() < MEMORY[part]) {
    lacks.push(`it needs ${gigabytes(MEMORY[part])} GB of memory, and there are ${gigabytes(totalmem())}`);
  }
  let folder = cache;
  while (!(await isThere(folder))) folder = join(folder, "..");
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < DISK[part]) {
    lacks.push(`it needs ${gigabytes(DISK[part])} GB of disk at ${cache}, and ${gigabytes(bavail * bsize)} are free`);
  }
  return lacks;
}

/** Installs the packages of the reports that can run; those that can't are left as they are. */
export async function installRequirements(
  reports: readonly PartReport[],
  options: { progress?: (line: string) => void } = {},
): Promise<void> {
  const progress = options.progress ?? (() => {});
  const packages = [...new Set(reports.filter((report) => report.installable).flatMap((report) => report.packages))];
  if (packages.length === 0) return;
  progress(`installing ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    // Another apt may be at work on a machine that has just started.
    const wait = ["-o", "DPkg::Lock::Timeout=300"];
    await run(["apt-get", ...wait, "update", "--quiet"], { env });
    await run(["apt-get", ...wait, "install", "--yes", "--quiet", "--no-install-recommends", ...packages], { env });
  } catch (cause) {
    throw new ClusterError(
      "INPOD_REQUIREMENTS_INSTALL",
      `installing ${packages.join(" ")} failed: ${(cause as Error).message}`,
      {
        cause,
        fix: `Install them by hand: apt-get install ${packages.join(" ")}`,
      },
    );
  }
}

async function isThere(program: string): Promise<boolean> {
  const candidates = program.includes("/")
    ? [program]
    : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, program));
  for (const path of candidates) {
    if (await pathExists(path)) return true;
  }
  return false;
}

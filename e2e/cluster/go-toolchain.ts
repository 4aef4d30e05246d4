import { chmod, readdir } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import { run, tryRun } from "./command.ts";
import { ClusterError } from "./errors.ts";

/** The toolchain that is fetched where Go is too old to switch by itself; k8s.io/kubernetes asks for 1.25. */
const FETCHED = "1.26.8";

/** "go1.26.8" → whether it can build the cluster's programs, or, since 1.21, fetch by itself one that can. */
export function isEnough(version: string): boolean {
  const match = /^go(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > 1 || (major === 1 && minor >= 21);
}

/** The version of the Go on the PATH, or undefined. */
export async function findGo(): Promise<string | undefined> {
  const result = await tryRun(["go", "env", "GOVERSION"]).catch(() => undefined);
  return result?.code === 0 ? result.stdout.trim() : undefined;
}

/**
 * The `go` to build with. A distribution's older one can't switch by itself, but it can fetch the toolchain as the module
 * that it is published as, checked against the checksum database like any other.
 */
export async function ensureGo(progress: (line: string) => void): Promise<string> {
  const version = await findGo();
  if (version === undefined) {
    throw new ClusterError(
      "INPOD_GO_MISSING",
      "building the cluster's programs needs Go, and there is none on the PATH",
      {
        fix: "Install it: apt-get install golang-go (any version will do).",
      },
    );
  }
  if (isEnough(version)) return "go";
  progress(`${version} is too old to build with; fetching Go ${FETCHED}`);
  const platform = `linux-${arch() === "x64" ? "amd64" : arch()}`;
  const module = `golang.org/toolchain@v0.0.1-go${FETCHED}.${platform}`;
  const answer = JSON.parse(await run(["go", "mod", "download", "-json", module], { cwd: "/" })) as { Dir: string };
  // The module cache keeps files read-only and not executable.
  const bin = join(answer.Dir, "bin");
  for (const folder of [bin, join(answer.Dir, "pkg", "tool", platform.replace("-", "_"))]) {
    for (const name of await readdir(folder).catch(() => [])) await chmod(join(folder, name), 0o755);
  }
  return join(bin, "go");
}

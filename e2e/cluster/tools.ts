import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "./cache.ts";
import { run } from "./command.ts";
import { ensureGo } from "./go-toolchain.ts";
import { withLock } from "./lock.ts";
import { pathExists } from "./path-exists.ts";

/** A program of the cluster that is built from its Go module and kept in the cache under its version. */
type Recipe =
  | { version: string; kind: "install"; package: string; ldflags?: string }
  | { version: string; kind: "module"; packages: readonly string[]; tags?: string; ldflags?: string };

const KUBERNETES = "1.35.4";

/** Without these the kubelet reports v0.0.0 and the API server refuses its version skew. */
function kubernetesVersionFlags(version: string): string {
  const [major = "", minor = ""] = version.split(".");
  return ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
    .flatMap((pkg) => [
      `-X ${pkg}.gitVersion=v${version}`,
      `-X ${pkg}.gitMajor=${major}`,
      `-X ${pkg}.gitMinor=${minor}`,
      `-X ${pkg}.gitTreeState=clean`,
    ])
    .join(" ");
}

const RECIPES = {
  helm: {
    version: "3.22.0",
    kind: "install",
    package: "helm.sh/helm/v3/cmd/helm",
    ldflags: "-X helm.sh/helm/v3/internal/version.version=v3.22.0",
  },
  coredns: { version: "1.12.4", kind: "install", package: "github.com/coredns/coredns" },
  // Not Debian's etcd 3.4: it answers a watch's progress request only every 10 minutes, and clients look dead.
  etcd: { version: "3.6.16", kind: "module", packages: ["go.etcd.io/etcd/server/v3"] },
  kubernetes: {
    version: KUBERNETES,
    kind: "module",
    packages: ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"].map(
      (name) => `k8s.io/kubernetes/cmd/${name}`,
    ),
    ldflags: kubernetesVersionFlags(KUBERNETES),
  },
} as const satisfies Record<string, Recipe>;

export type ToolName = keyof typeof RECIPES;

export const TOOL_NAMES = Object.keys(RECIPES) as ToolName[];

/** Measured on 2 cores with an empty Go cache, for the sentence that says what is about to be built. */
export const BUILD_MINUTES: Record<ToolName, number> = { helm: 2, coredns: 2, etcd: 1, kubernetes: 5 };

export interface ToolOptions {
  cache?: string;
  progress?: (line: string) => void;
}

export function toolVersion(name: ToolName): string {
  return RECIPES[name].version;
}

export function toolFolder(name: ToolName, cache: string = cacheFolder()): string {
  return join(cache, "tools", `${name}-${RECIPES[name].version}`);
}

export async function hasTool(name: ToolName, cache: string = cacheFolder()): Promise<boolean> {
  return pathExists(toolFolder(name, cache));
}

/**
 * The folder with the tool's programs (`helm`, or `kubelet` and the rest), built first if this version isn't in the
 * cache. Callers in other processes wait for the one that builds; a build that is cut short leaves nothing behind.
 */
export async function ensureTool(name: ToolName, options: ToolOptions = {}): Promise<string> {
  const folder = toolFolder(name, options.cache);
  const progress = options.progress ?? (() => {});
  if (await pathExists(folder)) return folder;
  return withLock(
    `${folder}.lock`,
    async () => {
      if (await pathExists(folder)) return folder;
      const started = Date.now();
      progress(`building ${name} ${RECIPES[name].version} (about ${BUILD_MINUTES[name]} min, once)`);
      const unfinished = `${folder}.unfinished`;
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished, { recursive: true });
      await build(name, RECIPES[name], unfinished, progress);
      await rename(unfinished, folder);
      progress(`built ${name} ${RECIPES[name].version} in ${Math.round((Date.now() - started) / 1000)} s`);
      return folder;
    },
    (pid) => progress(`waiting for process ${pid}, which builds ${name}`),
  );
}

async function build(name: ToolName, recipe: Recipe, out: string, progress: (line: string) => void): Promise<void> {
  const flags = ["-trimpath", "-buildvcs=false", "-ldflags", `-s -w ${recipe.ldflags ?? ""}`.trim()];
  const go = await ensureGo(progress);
  // What a user set for their own work must not decide here; GOTOOLCHAIN=auto fetches a newer Go where a module asks for one.
  const ours = { CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "", GOTOOLCHAIN: "auto", GOBIN: out };
  const env: NodeJS.ProcessEnv = { ...process.env, ...ours };
  // A fetched Go must not take the installed one's library.
  if (go !== "go") env["GOROOT"] = "";
  const onLine = (line: string): void => {
    if (!line.startsWith("go: downloading")) progress(line);
  };
  // Other work on the machine goes first: a build is never what anybody waits for twice.
  const nicely = ["nice", "-n", "10", go];
  if (recipe.kind === "install") {
    // `go install` puts its program where GOBIN says, under the package's last name.
    await run([...nicely, "install", ...flags, `${recipe.package}@v${recipe.version}`], { env, onLine });
  } else {
    const module = join(dirname(fileURLToPath(import.meta.url)), "go", name);
    await run([...nicely, "build", ...flags, "-o", `${out}/`, ...recipe.packages], { cwd: module, env, onLine });
  }
  // Its package is called after the folder in etcd's repository.
  if (name === "etcd") await rename(join(out, "server"), join(out, "etcd"));
}

import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { run, type RunOptions } from "./command.ts";
import { chooseSnapshotter } from "./snapshotter.ts";

export interface Buildah {
  /** Runs a buildah command on a store of our own in the cache. */
  call(args: readonly string[], options?: RunOptions): Promise<string>;
  has(image: string): Promise<boolean>;
  /** An image of nothing but these: each `from` (a folder or a tar archive) is unpacked at `to`. */
  assemble(image: string, parts: readonly { from: string; to: string }[]): Promise<void>;
}

export async function createBuildah(cache: string): Promise<Buildah> {
  const root = join(cache, "buildah");
  await mkdir(root, { recursive: true });
  const driver = (await chooseSnapshotter(root)) === "overlayfs" ? "overlay" : "vfs";
  const store = ["--root", root, "--runroot", "/run/inpod/buildah", "--storage-driver", driver];
  const call: Buildah["call"] = (args, options) => run(["nice", "-n", "10", "buildah", ...store, ...args], options);
  return {
    call,
    async has(image) {
      return call(["inspect", "--type", "image", "--format", "{{.FromImageID}}", image]).then(
        () => true,
        () => false,
      );
    },
    async assemble(image, parts) {
      const container = (await call(["from", "scratch"])).trim();
      try {
        for (const { from, to } of parts) await call(["add", "--quiet", container, from, to]);
        await call(["commit", "--quiet", container, image]);
      } finally {
        await call(["rm", container]);
      }
    },
  };
}

/**
 * Where builds must trust what the machine trusts: the folder of certificates is mounted while they run, and is no part of
 * the image. Without an authority of the machine's own there is nothing to mount.
 */
export async function certificateMount(env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const own = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"].some((name) => env[name]);
  const there = await stat("/etc/ssl/certs/ca-certificates.crt").catch(() => undefined);
  return own && there !== undefined ? ["--volume", "/etc/ssl/certs:/etc/ssl/certs:ro"] : [];
}

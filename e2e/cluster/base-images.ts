import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import type { Buildah } from "./buildah.ts";
import { run } from "./command.ts";
import { pathExists } from "./path-exists.ts";

const NODE_VERSION = "24.21.0";
const NPM_VERSION = "11.21.2";
const DEBIAN = "bookworm";

/** Debian by debootstrap, for machines that reach Debian's packages but no image registry; the name of the image. */
export async function ensureDebianBase(
  buildah: Buildah,
  cache: string,
  progress: (line: string) => void,
): Promise<string> {
  const image = `localhost/inpod-base:${DEBIAN}`;
  if (await buildah.has(image)) return image;
  const archive = join(cache, "images", `${DEBIAN}-${arch()}.tar`);
  if (!(await pathExists(archive))) {
    progress("making a Debian base (about 1 min, once)");
    const work = await mkdtemp(join(cache, "images", "debootstrap-"));
    try {
      const root = join(work, "root");
      await run(["nice", "-n", "10", "debootstrap", "--variant=minbase", "--include=ca-certificates", DEBIAN, root]);
      // What the package manager downloaded, and what debootstrap found on this machine and wrote down.
      for (const path of ["var/cache/apt/archives", "var/lib/apt/lists"])
        await rm(join(root, path), { recursive: true });
      for (const path of ["var/cache/apt/archives/partial", "var/lib/apt/lists/partial"]) {
        await mkdir(join(root, path), { recursive: true });
      }
      for (const path of ["etc/hostname", "etc/resolv.conf", "var/log/bootstrap.log"])
        await rm(join(root, path), { force: true });
      await run([
        "tar",
        "--create",
        "--numeric-owner",
        "--one-file-system",
        "--file",
        `${archive}.new`,
        "--directory",
        root,
        ".",
      ]);
      await rename(`${archive}.new`, archive);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  await buildah.assemble(image, [{ from: archive, to: "/" }]);
  return image;
}

/** /usr/local with node, npm and the headers, laid out as in Node's official image but from the npm packages. */
export async function ensureNodeImage(
  buildah: Buildah,
  cache: string,
  progress: (line: string) => void,
): Promise<string> {
  const image = `localhost/inpod-node:${NODE_VERSION}-npm-${NPM_VERSION}`;
  if (await buildah.has(image)) return image;
  progress(`fetching Node ${NODE_VERSION}`);
  await mkdir(join(cache, "images"), { recursive: true });
  const work = await mkdtemp(join(cache, "images", "node-"));
  try {
    const local = join(work, "local");
    const packages = [
      {
        name: `node-linux-${arch()}`,
        version: NODE_VERSION,
        to: local,
        only: ["package/bin", "package/include", "package/LICENSE"],
      },
      { name: "npm", version: NPM_VERSION, to: join(local, "lib/node_modules/npm"), only: [] },
    ];
    for (const { name, version, to, only } of packages) {
      await run(["npm", "pack", "--silent", `--pack-destination=${work}`, `${name}@${version}`], { cwd: work });
      await mkdir(to, { recursive: true });
      await run([
        "tar",
        "--extract",
        "--gzip",
        "--no-same-owner",
        "--strip-components=1",
        `--directory=${to}`,
        `--file=${join(work, `${name}-${version}.tgz`)}`,
        ...only,
      ]);
    }
    await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(local, "bin/npm"));
    await symlink("../lib/node_modules/npm/bin/npx-cli.js", join(local, "bin/npx"));
    // A terminal is no place for advertisements and version notices.
    await writeFile(join(local, "lib/node_modules/npm/npmrc"), "fund=false\naudit=false\nupdate-notifier=false\n");
    await buildah.assemble(image, [{ from: local, to: "/usr/local" }]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return image;
}

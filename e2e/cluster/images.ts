import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDebianBase, ensureNodeImage } from "./base-images.ts";
import { certificateMount, createBuildah, type Buildah } from "./buildah.ts";
import { cacheFolder } from "./cache.ts";
import { contentHash } from "./content-hash.ts";
import { ClusterError } from "./errors.ts";
import { withLock } from "./lock.ts";
import { packScratchImage } from "./scratch-image.ts";
import { pathExists } from "./path-exists.ts";

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const DOCKERFILE = "sidecar/Dockerfile";

/** What each target of the Dockerfile copies in: an image is built again when one of these changes, and only then. */
const INPUTS = {
  kit: ["restart-controller/native/build/kit"],
  helper: ["sidecar/dist/helper.mjs", "web-ui/dist"],
  router: ["intercepts/dist/router.mjs"],
  ide: [
    "sidecar/code-server/ide-launcher.sh",
    "sidecar/dist/extension",
    "sidecar/dist/inpod.mjs",
    "sidecar/dist/source-agent.mjs",
    "sidecar/image",
  ],
} as const;

export type ImageTarget = keyof typeof INPUTS;

export interface BuiltImage {
  /** Carries the hash of what is in it: a changed program is a new tag. */
  ref: string;
  /** For `cluster.loadImage(ref, archive)`. */
  archive: string;
}

export interface BuildOptions<T extends ImageTarget> {
  targets: readonly T[];
  /** The repository, after `npm run build`. */
  root?: string;
  /** An image to build upon, when one can be pulled; Debian by debootstrap otherwise. */
  base?: string;
  cache?: string;
  progress?: (line: string) => void;
}

/** Builds what isn't in the cache yet; the archives of the wanted targets. */
export async function buildImages<T extends ImageTarget>(options: BuildOptions<T>): Promise<Record<T, BuiltImage>> {
  const root = options.root ?? REPOSITORY;
  const cache = options.cache ?? cacheFolder();
  const progress = options.progress ?? (() => {});
  const built = {} as Record<T, BuiltImage>;
  await mkdir(join(cache, "images"), { recursive: true });
  for (const target of options.targets) {
    const hash = await hashOf(root, target, options.base);
    const ref = `inpod.test/inpod-${target}:h${hash.slice(0, 12)}`;
    const archive = join(cache, "images", `${target}-${hash.slice(0, 12)}.tar`);
    if (!(await pathExists(archive))) {
      await withLock(
        join(cache, "images", "build.lock"),
        async () => {
          if (await pathExists(archive)) return;
          const started = Date.now();
          progress(`building image ${target}`);
          await rm(`${archive}.new`, { force: true });
          if (target === "kit") await packKit(root, ref, `${archive}.new`);
          else await build({ root, cache, target, ref, archive: `${archive}.new`, base: options.base, progress });
          await rename(`${archive}.new`, archive);
          await forgetOlder(join(cache, "images"), target, archive);
          progress(`built image ${target} in ${Math.round((Date.now() - started) / 1000)} s`);
        },
        (pid) => progress(`waiting for process ${pid}, which builds images`),
      );
    }
    built[target] = { ref, archive };
  }
  return built;
}

async function hashOf(root: string, target: ImageTarget, base: string | undefined): Promise<string> {
  try {
    return await contentHash(root, [DOCKERFILE, ...INPUTS[target]], [target, base ?? "debootstrap"]);
  } catch (cause) {
    throw new ClusterError("INPOD_IMAGE_INPUT", `image ${target} can't be built: ${(cause as Error).message}`, {
      cause,
      fix: "Run `npm run build` first.",
    });
  }
}

/** The same image as the Dockerfile's target `kit`, without any image tool. */
async function packKit(root: string, ref: string, archive: string): Promise<void> {
  const content = await readFile(join(root, INPUTS.kit[0]));
  const files = [{ path: "/kit", content, mode: 0o755 }];
  await writeFile(archive, packScratchImage({ ref, files, config: { Entrypoint: ["/kit"] } }).archive);
}

async function build(options: {
  root: string;
  cache: string;
  target: ImageTarget;
  ref: string;
  archive: string;
  base: string | undefined;
  progress: (line: string) => void;
}): Promise<void> {
  const { root, cache, target, ref, progress } = options;
  const buildah = await createBuildah(cache);
  const base = options.base ?? (await ensureDebianBase(buildah, cache, progress));
  const node = await ensureNodeImage(buildah, cache, progress);
  const codeServer =
    target === "ide" ? await ensureCodeServer({ root, cache, buildah, base, node, progress }) : undefined;
  // One name per target in buildah's store: the tag with the hash is given to the archive only.
  const local = `localhost/inpod-${target}:latest`;
  // Only what the target names: the rest of the repository would make every step's cache key change.
  const context = await mkdtemp(join(cache, "images", "context-"));
  try {
    for (const path of INPUTS[target]) await cp(join(root, path), join(context, path), { recursive: true });
    await bud(buildah, {
      context,
      root,
      target,
      tag: local,
      args: { BASE: base, NODE_IMAGE: node, ...(codeServer === undefined ? {} : { CODE_SERVER: codeServer }) },
      progress,
    });
    // Uncompressed: the archive goes to a node on the same machine.
    await buildah.call(["push", "--quiet", local, `docker-archive:${options.archive}:${ref}`]);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/**
 * The stage that takes minutes, as an image of its own under the hash of what it is made of. (buildah 1.28 also doesn't see
 * that a stage named by an argument has to be built.)
 */
async function ensureCodeServer(options: {
  root: string;
  cache: string;
  buildah: Buildah;
  base: string;
  node: string;
  progress: (line: string) => void;
}): Promise<string> {
  const { root, cache, buildah, base, node, progress } = options;
  const inputs = ["sidecar/image/code-server", "sidecar/image/strip-code-server.sh"];
  const dockerfile = await readFile(join(root, DOCKERFILE), "utf8");
  const stage = /^FROM \S+ AS code-server-npm\n[^]*?(?=^FROM )/m.exec(dockerfile)?.[0] ?? dockerfile;
  const hash = await contentHash(root, inputs, [base, node, stage]);
  const image = `localhost/inpod-code-server:h${hash.slice(0, 12)}`;
  if (await buildah.has(image)) return image;
  progress("building code-server from its npm package (about 4 min, once)");
  const context = await mkdtemp(join(cache, "images", "context-"));
  try {
    for (const path of inputs) await cp(join(root, path), join(context, path), { recursive: true });
    await bud(buildah, {
      context,
      root,
      target: "code-server-npm",
      tag: image,
      args: { BASE: base, NODE_IMAGE: node },
      progress,
    });
  } finally {
    await rm(context, { recursive: true, force: true });
  }
  // A gigabyte each: those of earlier recipes are never asked for again.
  const names = (await buildah.call(["images", "--format", "{{.Name}}:{{.Tag}}"])).split("\n");
  const older = names.filter((name) => name.startsWith("localhost/inpod-code-server:") && name !== image);
  if (older.length > 0) await buildah.call(["rmi", ...older]);
  return image;
}

async function bud(
  buildah: Buildah,
  build: {
    context: string;
    root: string;
    target: string;
    tag: string;
    args: Record<string, string>;
    progress: (line: string) => void;
  },
): Promise<void> {
  await buildah.call(
    [
      "bud",
      "--layers",
      "--isolation",
      "chroot",
      "--network",
      "host",
      "--ulimit",
      "nofile=20000:20000",
      "--pull-never",
      // Stages that are only copied from are left behind otherwise.
      "--force-rm",
      ...(await certificateMount()),
      ...Object.entries(build.args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
      "--file",
      join(build.root, DOCKERFILE),
      "--target",
      build.target,
      "--tag",
      build.tag,
      build.context,
    ],
    { onLine: (line) => (/^(\[\d\/\d\] )?STEP /.test(line) ? build.progress(line.slice(0, 110)) : undefined) },
  );
}

/** An IDE image is a gigabyte: the last two of a target are kept. */
async function forgetOlder(folder: string, target: ImageTarget, newest: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${target}-`) && name.endsWith(".tar"));
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), changed: (await stat(join(folder, name))).mtimeMs })),
  );
  const older = files.filter((file) => file.path !== newest).sort((a, b) => b.changed - a.changed);
  for (const file of older.slice(1)) await rm(file.path, { force: true });
}

export { packScratchImage } from "./scratch-image.ts";

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDebianBase, ensureNodeImage } from "./cluster/base-images.ts";
import { createBuildah, type Buildah } from "./cluster/buildah.ts";
import { cacheFolder } from "./cluster/cache.ts";
import { run } from "./cluster/command.ts";
import { packScratchImage, type BuiltImage } from "./cluster/images.ts";
import { withLock } from "./cluster/lock.ts";

const folderOf = (example: string) => fileURLToPath(new URL(`../examples/${example}`, import.meta.url));

/** The images of the examples and of the Go toolchain, as files for the node; built when their inputs have changed. */
export interface ExampleImages {
  readonly node: BuiltImage;
  /** The same service under another digest: what a new version looks like to the kubelet. */
  readonly nodeNext: BuiltImage;
  readonly goScratch: BuiltImage;
  /** Nothing but /usr/local/go, as a toolchain is copied from. */
  readonly golang: BuiltImage;
}

export async function ensureExampleImages(progress: (line: string) => void): Promise<ExampleImages> {
  const cache = cacheFolder();
  const build = (name: string, inputs: readonly string[], make: (ref: string, archive: string) => Promise<void>) =>
    buildOnce({ name, inputs, make, progress });
  const texts = (example: string, files: readonly string[]) =>
    Promise.all(files.map((file) => readFile(join(folderOf(example), file), "utf8")));

  const nodeInputs = await texts("node", ["Dockerfile", "server.js", "package.json"]);
  const goInputs = await texts("go-scratch", ["Dockerfile", "main.go", "go.mod"]);
  const goVersion = await run(["go", "env", "GOVERSION"]);
  return {
    node: await build("example-node", nodeInputs, buildNodeExample(cache, progress, "1")),
    nodeNext: await build("example-node-next", nodeInputs, buildNodeExample(cache, progress, "2")),
    goScratch: await build("example-go", [...goInputs, goVersion], packGoExample),
    golang: await build("golang", [goVersion], async (ref, archive) => {
      const buildah = await createBuildah(cache);
      await buildah.assemble(ref, [{ from: (await run(["go", "env", "GOROOT"])).trim(), to: "/usr/local/go" }]);
      await saveImage(buildah, ref, archive);
    }),
  };
}

/** An image under the hash of its inputs, as a file in the cache; made when that isn't there. */
export async function buildOnce(options: {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly make: (ref: string, archive: string) => Promise<void>;
  readonly progress: (line: string) => void;
}): Promise<BuiltImage> {
  const { name, inputs, make, progress } = options;
  const folder = join(cacheFolder(), "images");
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(input).update("\0");
  const tag = hash.digest("hex").slice(0, 12);
  const image = { ref: `inpod.test/${name}:h${tag}`, archive: join(folder, `${name}-${tag}.tar`) };
  if (await exists(image.archive)) return image;
  await mkdir(folder, { recursive: true });
  return withLock(join(folder, `${name}.lock`), async () => {
    if (await exists(image.archive)) return image;
    progress(`building image ${name}`);
    await rm(`${image.archive}.new`, { force: true });
    await make(image.ref, `${image.archive}.new`);
    await rename(`${image.archive}.new`, image.archive);
    return image;
  });
}

const buildNodeExample =
  (cache: string, progress: (line: string) => void, version: string) => async (ref: string, archive: string) => {
    const buildah = await createBuildah(cache);
    const base = await ensureNodeRuntime(buildah, cache, progress);
    await buildah.call([
      "bud",
      "--isolation=chroot",
      "--network=host",
      "--pull-never",
      `--build-arg=BASE=${base}`,
      `--label=version=${version}`,
      `--tag=${ref}`,
      folderOf("node"),
    ]);
    await saveImage(buildah, ref, archive);
  };

/** Debian with Node, in the place of the official image, which can't be pulled everywhere. */
export async function ensureNodeRuntime(
  buildah: Buildah,
  cache: string,
  progress: (line: string) => void,
): Promise<string> {
  const [debian, node] = [
    await ensureDebianBase(buildah, cache, progress),
    await ensureNodeImage(buildah, cache, progress),
  ];
  const image = `localhost/inpod-node-runtime:${createHash("sha256").update(`${debian} ${node}`).digest("hex").slice(0, 12)}`;
  if (await buildah.has(image)) return image;
  const context = await mkdtemp(join(tmpdir(), "inpod-runtime-"));
  try {
    await writeFile(
      join(context, "Dockerfile"),
      `FROM ${debian}\nCOPY --from=${node} /usr/local/bin/node /usr/local/bin/node\n`,
    );
    await buildah.call(["bud", "--isolation", "chroot", "--pull-never", "--tag", image, context]);
  } finally {
    await rm(context, { recursive: true });
  }
  return image;
}

/** What examples/go-scratch/Dockerfile makes, with this machine's Go. */
async function packGoExample(ref: string, archive: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "inpod-go-"));
  try {
    const binary = join(folder, "server");
    await run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "."], {
      cwd: folderOf("go-scratch"),
      env: { ...process.env, CGO_ENABLED: "0" },
    });
    const owner = { uid: 65532, gid: 65532 };
    const file = async (name: string) => ({
      path: `/src/${name}`,
      content: await readFile(join(folderOf("go-scratch"), name)),
      ...owner,
    });
    const files = [
      await file("main.go"),
      await file("go.mod"),
      { path: "/src/bin/server", content: await readFile(binary), mode: 0o755, ...owner },
    ];
    const config = { Entrypoint: ["/src/bin/server"], User: "65532:65532", WorkingDir: "/src" };
    await writeFile(archive, packScratchImage({ ref, files, config }).archive);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function saveImage(buildah: Buildah, ref: string, archive: string): Promise<void> {
  await buildah.call(["push", "--quiet", ref, `docker-archive:${archive}:${ref}`]);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

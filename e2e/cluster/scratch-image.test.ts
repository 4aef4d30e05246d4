import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "./command.ts";
import { packScratchImage } from "./scratch-image.ts";
import { tar } from "./tar-writer.ts";

interface Part {
  digest: string;
  size: number;
}

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "inpod-scratch-image-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function unpack(archive: Buffer, name: string): Promise<string> {
  const to = join(folder, name);
  await writeFile(`${to}.tar`, archive);
  await run(["mkdir", to]);
  await run(["tar", "--extract", "--file", `${to}.tar`, "--directory", to]);
  return to;
}

test("tar reads what was written: content, mode, long paths, links", async () => {
  const long = `${"folder-with-a-name/".repeat(8)}file`;
  const root = await unpack(
    tar([
      { path: "bin", kind: "folder" },
      { path: "bin/run", kind: "file", content: Buffer.from("x".repeat(700)), mode: 0o755 },
      { path: "bin/also", kind: "link", target: "run" },
      { path: long, kind: "file", content: Buffer.from("deep") },
      { path: "empty", kind: "file" },
    ]),
    "plain",
  );
  assert.equal((await readFile(join(root, "bin/also"), "utf8")).length, 700);
  assert.equal((await stat(join(root, "bin/run"))).mode & 0o777, 0o755);
  assert.equal(await readFile(join(root, long), "utf8"), "deep");
  assert.equal((await stat(join(root, "empty"))).size, 0);
});

test("a path that no header holds is refused", () => {
  assert.throws(() => tar([{ path: "x".repeat(101), kind: "file" }]), /101 bytes/);
});

test("the archive is an OCI layout whose digests are true, and Docker's format at once", async () => {
  const image = {
    ref: "inpod.test/x:1",
    files: [{ path: "/a/b/c", content: "hello", mode: 0o755 }],
    config: { User: "1" },
  };
  const { archive, digest } = packScratchImage(image);
  const root = await unpack(archive, "image");
  const json = async <T>(path: string): Promise<T> => JSON.parse(await readFile(join(root, path), "utf8")) as T;
  const blob = (of: string): string => `blobs/sha256/${of.slice("sha256:".length)}`;
  const index = await json<{ manifests: [Part & { annotations: Record<string, string> }] }>("index.json");
  assert.equal(index.manifests[0].digest, digest);
  assert.equal(index.manifests[0].annotations["io.containerd.image.name"], "inpod.test/x:1");
  const manifest = await json<{ config: Part; layers: Part[] }>(blob(digest));
  for (const part of [index.manifests[0], manifest.config, ...manifest.layers]) {
    const bytes = await readFile(join(root, blob(part.digest)));
    assert.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, part.digest);
    assert.equal(bytes.length, part.size);
  }
  const [docker] = await json<[{ RepoTags: string[]; Config: string; Layers: [string] }]>("manifest.json");
  assert.deepEqual(docker.RepoTags, ["inpod.test/x:1"]);
  assert.equal((await json<{ config: { User: string } }>(docker.Config)).config.User, "1");
  const layer = await unpack(await readFile(join(root, docker.Layers[0])), "layer");
  assert.equal(await readFile(join(layer, "a/b/c"), "utf8"), "hello");
});

test("the same input is the same image, another input another", () => {
  const pack = (content: string): string => packScratchImage({ ref: "x:1", files: [{ path: "/x", content }] }).digest;
  assert.equal(pack("a"), pack("a"));
  assert.notEqual(pack("a"), pack("b"));
});

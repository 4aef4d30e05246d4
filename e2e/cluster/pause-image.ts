import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";
import { PAUSE_IMAGE } from "./layout.ts";
import { withLock } from "./lock.ts";
import { pathExists } from "./path-exists.ts";
import { packScratchImage } from "./scratch-image.ts";

const SOURCE = new URL("pause.c", import.meta.url);

/** The archive of the sandbox image, compiled once and kept under a hash of its source. */
export async function ensurePauseImage(cache: string): Promise<string> {
  const source = await readFile(SOURCE);
  const hash = createHash("sha256").update(source).update(PAUSE_IMAGE).digest("hex").slice(0, 16);
  const folder = join(cache, "images");
  const archive = join(folder, `pause-${hash}.tar`);
  if (await pathExists(archive)) return archive;
  await withLock(`${archive}.lock`, async () => {
    if (await pathExists(archive)) return;
    await mkdir(folder, { recursive: true });
    const program = join(folder, `pause-${hash}`);
    await run(["cc", "-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-o", program, "-x", "c", "-"], {
      input: source,
    });
    const { archive: bytes } = packScratchImage({
      ref: PAUSE_IMAGE,
      files: [{ path: "/pause", content: await readFile(program), mode: 0o755 }],
      config: { Entrypoint: ["/pause"], User: "65535:65535" },
    });
    await writeFile(`${archive}.new`, bytes);
    await rename(`${archive}.new`, archive);
    await rm(program, { force: true });
  });
  return archive;
}

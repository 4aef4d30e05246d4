import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const pageFolder = join(dirname(fileURLToPath(import.meta.url)), "page");

/** The assets by the names that the HTML calls them: `{{page.js}}`. */
const entries = ["page.ts", "login.ts", "page.css", "icon.svg"];
const documents = ["index.html", "login.html"];

/**
 * Writes `index.html`, `login.html` and `assets/*` into `outdir`. The helper fills the placeholders `__NONCE__`, `__BASE__` and
 * `__RELEASE__` of the documents at each request, and serves the assets, whose names change with their content, for ever.
 */
export async function buildWebUi({ outdir }: { outdir: string }): Promise<void> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: pageFolder,
    entryPoints: entries,
    entryNames: "[name]-[hash]",
    outdir: join(outdir, "assets"),
    bundle: true,
    minify: true,
    format: "esm",
    target: ["chrome120", "firefox121", "safari17"],
    loader: { ".svg": "copy" },
    legalComments: "none",
    charset: "utf8",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const names = new Map<string, string>();
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    if (entryPoint !== undefined) names.set(basename(entryPoint).replace(/\.ts$/, ".js"), basename(path));
  }
  const assets = join(outdir, "assets");
  await mkdir(assets, { recursive: true });
  for (const file of outputFiles) await writeWhole(join(assets, basename(file.path)), file.contents);
  for (const name of documents) {
    const text = await readFile(join(pageFolder, name), "utf8");
    const filled = text.replace(/\{\{(.+?)\}\}/g, (_, asset: string) => {
      const built = names.get(asset);
      if (built === undefined) throw new Error(`${name} asks for ${asset}, which isn't built`);
      return built;
    });
    await writeWhole(join(outdir, name), Buffer.from(filled));
  }
  const wanted = new Set(outputFiles.map((file) => basename(file.path)));
  for (const name of await readdir(assets)) if (!wanted.has(name)) await rm(join(assets, name));
}

/** A helper that serves meanwhile sees the old file or the new one, never half of it. */
async function writeWhole(file: string, contents: Uint8Array): Promise<void> {
  const old = await readFile(file).catch(() => undefined);
  if (old?.equals(contents)) return;
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, contents);
  await rename(fresh, file);
}

if (import.meta.main) {
  const outdir = join(pageFolder, "../dist");
  await buildWebUi({ outdir });
  console.log(outdir);
}

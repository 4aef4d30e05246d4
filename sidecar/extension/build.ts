import { copyFile, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** Builds the VS Code extension into `outdir`: `package.json` and `extension.js`. */
export async function buildExtension({ outdir }: { readonly outdir: string }): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: ["source/extension.ts"],
    outfile: join(outdir, "extension.js"),
    bundle: true,
    write: false,
    // The extension host loads CommonJS and gives `vscode` itself.
    format: "cjs",
    external: ["vscode"],
    platform: "node",
    target: "node22",
    tsconfig: join(here, "tsconfig.json"),
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "silent",
  });
  await mkdir(outdir, { recursive: true });
  for (const { path, contents } of outputFiles) {
    const fresh = `${path}.${process.pid}`;
    await writeFile(fresh, contents);
    await rename(fresh, path);
  }
  await copyFile(join(here, "manifest.json"), join(outdir, "package.json"));
}

if (import.meta.main) {
  const outdir = join(here, "../dist/extension");
  await buildExtension({ outdir });
  console.log(outdir);
}

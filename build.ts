import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as esbuild, type Plugin } from "esbuild";
import { buildKit } from "./restart-controller/native/build.ts";
import { buildExtension } from "./sidecar/extension/build.ts";
import { buildWebUi } from "./web-ui/build.ts";

const root = dirname(fileURLToPath(import.meta.url));

export { stop as endBuildService } from "esbuild";

/** Where each built part is. */
export interface Built {
  /** The helper, one ESM file. */
  readonly helper: string;
  /** The commands `inpod` and `restart`, one ESM file. */
  readonly cli: string;
  /** The program beside the source, one ESM file. */
  readonly sourceAgent: string;
  /** Folder of the VS Code extension. */
  readonly extension: string;
  /** Folder of the page's assets. */
  readonly webUi: string;
  /** The front, one ESM file. */
  readonly router: string;
  /** The static program of the pod. */
  readonly kit: string;
}

/** Builds what runs in a pod; a few hundred milliseconds when nothing has changed. */
export async function buildAll(progress: (line: string) => void = () => {}): Promise<Built> {
  const dist = join(root, "sidecar/dist");
  const version = (JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string }).version;
  const built = {
    helper: join(dist, "helper.mjs"),
    cli: join(dist, "inpod.mjs"),
    router: join(root, "intercepts/dist/router.mjs"),
    sourceAgent: join(dist, "source-agent.mjs"),
    extension: join(dist, "extension"),
    webUi: join(root, "web-ui/dist"),
  };
  progress("building the kit, the helper, the front, the commands, the extension and the page");
  const [kit] = await Promise.all([
    buildKit(),
    bundle("sidecar/helper/main.ts", built.helper, version),
    bundle("sidecar/cli/main.ts", built.cli, version),
    bundle("intercepts/main.ts", built.router, version),
    bundle("sidecar/source-agent/main.ts", built.sourceAgent, version),
    buildExtension({ outdir: built.extension }),
    buildWebUi({ outdir: built.webUi }),
  ]);
  return { ...built, kit };
}

/** One file per program: Node doesn't run TypeScript below node_modules, and an image needs no package tree. */
export async function bundle(entry: string, outfile: string, version: string): Promise<void> {
  const { outputFiles } = await esbuild({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    outfile,
    format: "esm",
    platform: "node",
    target: "node24",
    legalComments: "none",
    // Names stay: stack traces are read by people.
    minifySyntax: true,
    minifyWhitespace: true,
    define: { INPOD_VERSION: JSON.stringify(version), "process.env.INPOD_VERSION": JSON.stringify(version) },
    plugins: [requireBuiltins],
    // Express and its like `require` Node's own modules at run time.
    banner: {
      js: 'import { createRequire as inpodRequire } from "node:module";const require = inpodRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`${entry} gave no bundle`);
  await writeWhole(outfile, file.contents);
}

/**
 * Node's own modules by `require`: an `import` of node:http evaluates all of its lazy exports, WebSocket and so undici
 * among them: 13 MB of memory in each program.
 */
const requireBuiltins: Plugin = {
  name: "require-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" ? { path, namespace: "builtin" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

/** A program that starts meanwhile sees the old file or the new one, never half of it. */
async function writeWhole(file: string, contents: Uint8Array): Promise<void> {
  const old = await readFile(file).catch(() => undefined);
  if (old?.equals(contents)) return;
  await mkdir(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, contents, { mode: 0o755 });
  await rename(fresh, file);
}

if (import.meta.main) {
  const built = await buildAll((line) => console.error(line));
  for (const [name, path] of Object.entries(built)) console.log(`${name}\t${path}`);
}

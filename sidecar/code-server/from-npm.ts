import { access, mkdir, readdir, readFile, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { arch } from "node:os";
import { dirname, join } from "node:path";
import { runCommand } from "./command.ts";
import { CodeServerError } from "./errors.ts";
import { explainNpmFailure, npmErrorLines } from "./npm-failure.mjs";
import { createPhases, type Progress } from "./phases.ts";
import { codeServerNodeMajor, codeServerVersion } from "./version.ts";

/**
 * The native modules of VS Code's server, and what becomes of each. Whatever isn't named here is for another system.
 * - prebuilt: the package brings its program; the server is not whole without it.
 * - compiled: built when a C++ compiler, make and Python are there; without it the server falls back as told.
 * - left out: never built. Serves nothing here; kerberos would also need system headers, which need root.
 */
export const nativeModules = {
  prebuilt: ["node-pty", "@parcel/watcher"],
  compiled: {
    "@vscode/spdlog": "log files: without it the server logs to its output",
    "@vscode/native-watchdog":
      "ends an extension host whose server died at once: without it that host notices by itself",
  },
  leftOut: {
    kerberos: "logging in to a proxy by Kerberos",
    "@vscode/sqlite3": "the chat agents' sessions: the AI features are switched off",
    "@vscode/deviceid": "telemetry: switched off",
    "@vscode/fs-copyfile": "macOS and Windows only",
  },
} as const;

/** What only the AI features use, a third of the download; they are switched off (`chat.disableAIFeatures`). */
const aiPayload = [/^@github\/copilot-sdk-/, /^@microsoft\/mxc-sdk$/];

export interface NpmRoute {
  /** Empty folder that becomes code-server's root: `out/node/entry.js` and the rest, as in the release archive. */
  readonly target: string;
  /** The Node 24 that will run it; npm runs under it too. */
  readonly node: string;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: Progress;
}

/**
 * Installs code-server from its npm package without running anybody's install scripts: they would compile what serves
 * nothing here and fail without system headers. What its `postinstall.sh` does is done here, step by step.
 */
export async function installFromNpm({ target, node, env, progress }: NpmRoute): Promise<void> {
  const { phase, say } = createPhases(`code-server ${codeServerVersion}`, progress);
  const npm = createNpm(env, node, await headersFor(node));
  const work = `${target}/npm`;
  await mkdir(work, { recursive: true });
  await writeFile(join(work, "package.json"), `${JSON.stringify({ private: true })}\n`);

  await phase("downloading the server", () => npm(work, ["install", `code-server@${codeServerVersion}`]));
  const modules = join(work, "node_modules");
  const server = join(modules, "code-server");
  for (const entry of await readdir(server)) await rename(join(server, entry), join(target, entry));
  await rm(server, { recursive: true });
  await rename(modules, join(target, "node_modules"));
  await rm(work, { recursive: true });

  const code = join(target, "lib/vscode");
  await phase("downloading the editor's modules", async () => {
    await npm(code, ["install"]);
    await npm(join(code, "extensions"), ["install"]);
    // Keeps of TypeScript what the extensions use.
    await runCommand(node, ["postinstall.mjs"], { cwd: join(code, "extensions"), env });
  });
  await link("code-linux.sh", join(code, "bin/remote-cli/code-server"));
  await link("browser-linux.sh", join(code, "bin/helpers/browser.sh"));

  const missing = await missingBuildTools(env);
  if (missing.length > 0) {
    say(`leaving out ${Object.keys(nativeModules.compiled).join(" and ")}, as there is no ${missing.join(", no ")}`);
  } else {
    await phase("compiling native modules", async () => {
      const built = await npm(code, ["rebuild", ...Object.keys(nativeModules.compiled)], {
        scripts: true,
        tolerate: true,
      });
      if (built.code !== 0)
        say(`native modules left out, as they don't compile here: ${npmErrorLines(built.output, 3)}`);
    });
  }
  await phase("dropping source maps and what isn't used", () => strip(target));
}

/** npm 12 asks package.json which scripts may run; here they are named one by one, and pinned by the shrinkwrap. */
const allScripts = "--dangerously-allow-all-scripts";

type Npm = (
  cwd: string,
  args: readonly string[],
  options?: { scripts?: boolean; tolerate?: boolean },
) => Promise<{ code: number; output: string }>;

function createNpm(env: NodeJS.ProcessEnv, node: string, headers: string | undefined): Npm {
  const withNode: NodeJS.ProcessEnv = {
    ...env,
    PATH: `${dirname(node)}:${env["PATH"] ?? ""}`,
    NODE_ENV: "production",
    // node-gyp's: a compiler for each core.
    JOBS: "max",
    // Where node-gyp finds this Node's headers; else it asks nodejs.org for them.
    ...(headers === undefined ? {} : { npm_config_nodedir: headers }),
  };
  return async (cwd, args, { scripts = false, tolerate = false } = {}) => {
    const flags = [
      "--omit=dev",
      "--no-audit",
      "--no-fund",
      "--no-update-notifier",
      "--prefer-offline",
      // npm's own patience is some two minutes of silence.
      "--fetch-retries=4",
      "--fetch-retry-factor=2",
      "--fetch-retry-mintimeout=1000",
      "--fetch-retry-maxtimeout=8000",
      "--prefix",
      cwd,
    ];
    const result = await runCommand("npm", [...args, ...flags, scripts ? allScripts : "--ignore-scripts"], {
      cwd,
      env: withNode,
    });
    if (result.code === 0 || tolerate) return result;
    if (result.code === 127 && result.output.includes("ENOENT")) {
      throw new CodeServerError(
        "INPOD_NPM_MISSING",
        "npm is not on the PATH.",
        "Install npm (it comes with Node.js), then try again.",
      );
    }
    const why = explainNpmFailure(result.output);
    const said = npmErrorLines(result.output);
    throw new CodeServerError(
      why?.code ?? "INPOD_CODESERVER_INSTALL",
      `code-server ${codeServerVersion} could not be installed by npm: ${why?.title ?? `\`npm ${args.join(" ")}\` ended with exit code ${result.code}.`}\n${said}`,
      why?.fix ?? `Try again; or install code-server ${codeServerVersion} yourself and put it on the PATH.`,
    );
  };
}

/** Folder with `include/node`: beside `bin` where Node was unpacked, one package deeper in npm's `node`. */
async function headersFor(node: string): Promise<string | undefined> {
  const prefix = dirname(dirname(await realpath(node)));
  for (const folder of [prefix, join(prefix, `node_modules/node-linux-${arch()}`)]) {
    const header = await readFile(join(folder, "include/node/node_version.h"), "utf8").catch(() => "");
    if (
      header.includes(`NODE_MAJOR_VERSION ${codeServerNodeMajor}
`)
    )
      return folder;
  }
  return undefined;
}

async function missingBuildTools(env: NodeJS.ProcessEnv): Promise<string[]> {
  const tools = ["c++", "make", "python3"];
  const found = await Promise.all(tools.map((tool) => runCommand(tool, ["--version"], { env })));
  return tools.filter((_, i) => found[i]?.code !== 0);
}

async function link(source: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(source, path);
}

async function strip(root: string): Promise<void> {
  const modules = join(root, "lib/vscode/node_modules");
  for (const scope of ["@github", "@microsoft"]) {
    for (const name of await readdir(join(modules, scope)).catch(() => [])) {
      if (aiPayload.some((pattern) => pattern.test(`${scope}/${name}`)))
        await rm(join(modules, scope, name), { recursive: true });
    }
  }
  const other = (await readdir(join(modules, "node-pty/prebuilds"))).filter((name) => name !== `linux-${arch()}`);
  for (const name of other) await rm(join(modules, "node-pty/prebuilds", name), { recursive: true });
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith(".map")) await rm(join(entry.parentPath, entry.name));
  }
}

/** Throws unless the modules without which there is no terminal and no file watching load under `node`. */
export async function checkWhole(root: string, node: string, env: NodeJS.ProcessEnv): Promise<void> {
  await access(join(root, "out/node/entry.js"));
  const script = nativeModules.prebuilt.map((name) => `require(${JSON.stringify(`./node_modules/${name}`)})`).join(";");
  const loaded = await runCommand(node, ["-e", script], { cwd: join(root, "lib/vscode"), env });
  if (loaded.code === 0) return;
  throw new CodeServerError(
    "INPOD_CODESERVER_INCOMPLETE",
    `code-server ${codeServerVersion} was installed, but a module it needs doesn't load:\n${loaded.output.split("\n").slice(0, 8).join("\n")}`,
    "Linux with glibc 2.28 or newer (or musl) on x64 or arm64 is supported; on another, put a code-server that works there on the PATH.",
  );
}

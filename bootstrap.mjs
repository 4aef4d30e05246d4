// node bootstrap.mjs PROGRAM [arguments]
//
// What every npm script of this repository starts with: on a fresh clone there are no packages yet and perhaps an
// older Node. Installs the first, finds (or fetches) the second, and runs PROGRAM under it. Plain JavaScript without
// packages, so that any Node from 20 on can read it; an even older one gets as far as the sentence that says so.

const minimum = 20;
const [major] = process.versions.node.split(".").map(Number);
if (major < minimum) {
  console.error(
    `inpod needs Node ${minimum} or newer to start, and this is Node ${process.versions.node} (${process.execPath}).\n` +
      "Install Node 24, for example from your distribution or with a version manager, then run the same command again.",
  );
  process.exit(1);
} else {
  main().catch((error) => {
    console.error(error.sentence === undefined ? error : error.message);
    process.exitCode = 1;
  });
}

async function main() {
  const [program, ...args] = process.argv.slice(2);
  if (program === undefined) throw sentence("usage: node bootstrap.mjs PROGRAM [arguments]");
  if (process.platform !== "linux") {
    throw sentence(
      `inpod runs on Linux, and this is ${process.platform}.\nUse a Linux machine, a virtual machine or WSL 2; a cluster of yours can be anywhere.`,
    );
  }
  const { dirname, resolve } = await import("node:path");
  const { fileURLToPath } = await import("node:url");
  const root = dirname(fileURLToPath(import.meta.url));
  await ensurePackages(root);
  await run(await ensureNode(root), resolve(root, program), args);
}

/** Installs what package-lock.json says, unless the installed packages are those of package-lock.json. */
async function ensurePackages(root) {
  if (await packagesFit(root)) return;
  await alone(`packages-${await hashOf(root)}`, async () => {
    if (await packagesFit(root)) return;
    const what = "installing the repository's packages";
    await npm(root, what, ["ci", "--no-audit", "--no-fund"]).catch(async (error) => {
      // A registry that lacks another platform's optional packages gives a lockfile without them, which `ci` refuses.
      if (!/can only install .* in sync/s.test(error.said ?? "")) throw error;
      await npm(root, what, ["install", "--no-save", "--no-audit", "--no-fund"]);
    });
    await stamp(root);
  });
}

async function packagesFit(root) {
  const { readFile, stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const wanted = await lockHash(root);
  const stamped = await readFile(join(root, "node_modules/.inpod-packages"), "utf8").catch(() => "");
  if (stamped === wanted) return true;
  // Installed by hand: npm writes its own copy of the lockfile at the end of an installation.
  const modified = (file) =>
    stat(join(root, file))
      .then((found) => found.mtimeMs)
      .catch(() => 0);
  if ((await modified("node_modules/.package-lock.json")) < (await modified("package-lock.json"))) return false;
  await stamp(root);
  return true;
}

async function stamp(root) {
  const { writeFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  // Only a note that saves work: on a read-only checkout the next start looks again.
  await writeFile(join(root, "node_modules/.inpod-packages"), await lockHash(root)).catch(() => {});
}

async function lockHash(root) {
  const { readFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  return hashOf(await readFile(join(root, "package-lock.json")));
}

async function hashOf(text) {
  const { createHash } = await import("node:crypto");
  return createHash("sha256").update(text).digest("hex");
}

/** The program file of a Node 24 that runs TypeScript: this one, the one among the packages, or one from the cache. */
async function ensureNode(root) {
  const { readFile, rename, rm, mkdir } = await import("node:fs/promises");
  const { join, dirname } = await import("node:path");
  const { homedir } = await import("node:os");
  if (fits(process.versions.node)) return process.execPath;
  const packaged = join(root, "node_modules/node/bin/node");
  if (fits(await versionOf(packaged))) return packaged;

  // npm's `node` installs itself by a script, and installs nothing, silently, where scripts are switched off.
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const name = `node-linux-${process.arch}@${devDependencies.node}`;
  const cache = process.env.INPOD_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "inpod");
  const folder = join(cache, `node-${devDependencies.node}`);
  const cached = join(folder, `node_modules/node-linux-${process.arch}/bin/node`);
  if (fits(await versionOf(cached))) return cached;
  const unfinished = `${folder}.part-${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    const flags = ["--prefix", unfinished, "--ignore-scripts", "--no-audit", "--no-fund"];
    await npm(unfinished, `fetching Node ${devDependencies.node}`, ["install", name, ...flags]);
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
  } catch (error) {
    throw error.code === "ENOSPC" || error.code === "EACCES" || error.code === "EROFS"
      ? sentence(
          `${dirname(folder)} can't be written: ${error.message}\nFree about 2 GB there, or put the cache elsewhere with INPOD_CACHE=FOLDER.`,
        )
      : error;
  } finally {
    await rm(unfinished, { recursive: true, force: true }).catch(() => {});
  }
  if (fits(await versionOf(cached))) return cached;
  throw sentence(
    `Node ${devDependencies.node} was fetched but doesn't run on this machine (${cached}).\nInstall Node 24.12 or newer yourself and put it on the PATH.`,
  );
}

/** 24.12: TypeScript without a flag or a warning, `crypto.argon2`; and code-server takes no other major version. */
function fits(version) {
  const [major, minor] = (version || "0.0").split(".").map(Number);
  return major === 24 && minor >= 12;
}

async function versionOf(file) {
  const { execFile } = await import("node:child_process");
  return new Promise((resolve) => {
    execFile(file, ["-p", "process.versions.node"], (error, stdout) => resolve(error ? "" : stdout.trim()));
  });
}

/** Runs npm, saying what it does and for how long; its own output only if it fails. */
async function npm(cwd, what, args) {
  const { spawn } = await import("node:child_process");
  const { explainNpmFailure, npmErrorLines } = await import("./sidecar/code-server/npm-failure.mjs");
  const started = Date.now();
  const say = (text) => console.error(`${text} (${Math.round((Date.now() - started) / 1000)} s)`);
  console.error(`${what} …`);
  const timer = setInterval(() => say(`  still ${what}`), 10_000);
  try {
    await new Promise((resolve, reject) => {
      // npm's own patience, some two minutes of silence, is too much where there is no network at all.
      const retries = ["--fetch-retries=4", "--fetch-retry-factor=2", "--fetch-retry-mintimeout=1000"];
      const talk = ["--fetch-retry-maxtimeout=8000", "--loglevel=http"];
      const child = spawn("npm", [...args, ...retries, ...talk], {
        cwd,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      const hear = (chunk) => {
        output = (output + chunk).slice(-200_000);
        // Without a network npm asks for one package after the other, each several times: minutes of silence.
        if (/http fetch GET \d/.test(output)) return;
        if ((output.match(/attempt \d+ failed with E/g) ?? []).length >= 6) child.kill();
      };
      child.stdout.setEncoding("utf8").on("data", hear);
      child.stderr.setEncoding("utf8").on("data", hear);
      child.on("error", (error) => {
        reject(
          error.code === "ENOENT"
            ? sentence(
                "npm is not on the PATH.\nInstall npm (it comes with Node.js; on Debian it is the package `npm`), then run the same command again.",
              )
            : error,
        );
      });
      child.on("close", (code) => {
        if (code === 0) return resolve();
        const why = explainNpmFailure(output);
        const title = why?.title ?? `\`npm ${args.join(" ")}\` ended with exit code ${code}.`;
        const text = [`${what} failed: ${title}`, npmErrorLines(output, why === undefined ? 12 : 4), why?.fix]
          .filter(Boolean)
          .join("\n");
        reject(Object.assign(sentence(text), { said: output }));
      });
    });
  } finally {
    clearInterval(timer);
  }
  say("  done");
}

/** Only one process of this machine at a time; the kernel lets go of an abstract socket with its process. */
async function alone(name, work) {
  const { createServer, createConnection } = await import("node:net");
  const address = `\0inpod-${name}`;
  for (;;) {
    const waiters = new Set();
    const server = createServer((waiter) => waiters.add(waiter.on("error", () => {})));
    const held = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(address, () => resolve(true));
    });
    if (held) {
      try {
        return await work();
      } finally {
        server.close();
        for (const waiter of waiters) waiter.destroy();
      }
    }
    console.error("waiting for another inpod command, which installs the packages …");
    await new Promise((resolve) =>
      createConnection(address)
        .on("error", () => {})
        .on("close", () => setTimeout(resolve, 50)),
    );
  }
}

/** Runs the program with our terminal; signals go through to it, and its end is ours. */
async function run(node, program, args) {
  const { spawn } = await import("node:child_process");
  const { constants } = await import("node:os");
  const child = spawn(node, [program, ...args], {
    stdio: "inherit",
    // By this the program notices when we are killed and can't pass anything on.
    env: { ...process.env, INPOD_PARENT: String(process.pid) },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => child.kill(signal));
  // npm starts us through a shell and passes its SIGTERM to that alone: it is gone, and nobody tells us.
  const parent = process.ppid;
  const orphaned = () => process.ppid !== parent && child.kill("SIGTERM");
  if (process.env.npm_lifecycle_event !== undefined) setInterval(orphaned, 500).unref();
  await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.exitCode = code ?? 128 + constants.signals[signal];
      resolve();
    });
  });
}

function sentence(text) {
  return Object.assign(new Error(text), { sentence: true });
}

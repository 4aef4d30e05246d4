import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const here = import.meta.dirname;
let clone: string;
let bin: string;

beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), "clone-"));
  bin = join(clone, "bin");
  await mkdir(bin);
  for (const file of [
    "bootstrap.mjs",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "sidecar/code-server/npm-failure.mjs",
  ]) {
    await cp(join(here, file), join(clone, file));
  }
  for (const name of ["restart-controller", "sidecar", "web-ui", "e2e"]) {
    await cp(join(here, name, "package.json"), join(clone, name, "package.json"));
  }
  await writeFile(
    join(clone, "program.ts"),
    `const line: string = JSON.stringify({ args: process.argv.slice(2), version: process.version, parent: process.env["INPOD_PARENT"] });
     for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => { console.log(name); process.exit(7); });
     // Whoever hears this may send a signal: it is taken from here on.
     console.log(line);
     if (process.argv[2] === "exit") process.exit(Number(process.argv[3]));
     if (process.argv[2] === "wait") setInterval(() => {}, 1000);
`,
  );
});
afterEach(() => rm(clone, { recursive: true, force: true }));

/** A program of that name, first on the PATH. */
async function fake(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
}

const npmThat = (does: string) => fake("npm", `echo "$@" >> "${clone}/npm.log"\n${does}`);
const npmCalls = async () =>
  (await readFile(join(clone, "npm.log"), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
/** What a real \`npm ci\` leaves, as far as the bootstrap looks at it. */
const installs = () =>
  `mkdir -p node_modules/node/bin && ln -sf "${process.execPath}" node_modules/node/bin/node && echo '{}' > node_modules/.package-lock.json`;

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(args: string[], { nodeFlags = [], env = {} }: { nodeFlags?: string[]; env?: NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, [...nodeFlags, join(clone, "bootstrap.mjs"), ...args], {
    cwd: clone,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env["PATH"]}`,
      INPOD_CACHE: join(clone, "cache"),
      ...env,
    },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Result>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
  return { child, ended, said: () => stdout };
}

const bootstrap = (...args: Parameters<typeof start>) => start(...args).ended;

/** Flags that make Node say it is another version. */
const posingAs = (version: string) => [
  "--import",
  `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`,
];

describe("packages", () => {
  test("are installed on a fresh clone, once, and again when the lockfile changes", async () => {
    await npmThat(installs());
    const first = await bootstrap(["program.ts", "--flag", "a b"]);
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual((JSON.parse(first.stdout) as { args: string[] }).args, ["--flag", "a b"]);
    assert.match(first.stderr, /installing the repository's packages/);
    const second = await bootstrap(["program.ts"]);
    assert.equal(second.stderr, "");
    assert.equal((await npmCalls()).length, 1);

    const lock = join(clone, "package-lock.json");
    await writeFile(lock, (await readFile(lock, "utf8")).replace('"lockfileVersion": 3', '"lockfileVersion":  3'));
    await utimes(lock, new Date(Date.now() + 5000), new Date(Date.now() + 5000));
    await bootstrap(["program.ts"]);
    assert.equal((await npmCalls()).length, 2);
  });

  test("that somebody installed by hand are taken as they are", async () => {
    await npmThat("exit 1");
    await mkdir(join(clone, "node_modules"));
    await writeFile(join(clone, "node_modules/.package-lock.json"), "{}");
    assert.equal((await bootstrap(["program.ts"])).code, 0);
    assert.deepEqual(await npmCalls(), []);
  });

  test("are installed by one of two commands at once", async () => {
    await npmThat(`sleep 1; ${installs()}`);
    const both = await Promise.all([bootstrap(["program.ts"]), bootstrap(["program.ts"])]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
    );
    assert.equal((await npmCalls()).length, 1);
  });

  for (const [what, said, expected] of [
    ["no network", "npm error code EAI_AGAIN", /can't reach its package registry[\s\S]*EAI_AGAIN[\s\S]*HTTPS_PROXY/],
    ["a full disk", "npm error code ENOSPC", /disk is full[\s\S]*INPOD_CACHE/],
  ] as const) {
    test(`${what} is a sentence with the fix, exit 1`, async () => {
      await npmThat(`echo '${said}' >&2; exit 1`);
      const { code, stderr, stdout } = await bootstrap(["program.ts"]);
      assert.equal(code, 1);
      assert.match(stderr, expected);
      assert.equal(stdout, "");
    });
  }

  test("without any network npm isn't waited for to the end of its patience", { timeout: 20_000 }, async () => {
    const attempts = [1, 2, 3, 4, 5, 6].map((n) => `npm http fetch GET x attempt ${n} failed with EAI_AGAIN`);
    await npmThat(`printf '%s\\n' ${attempts.map((line) => `'${line}'`).join(" ")} >&2; exec sleep 60`);
    const { code, stderr } = await bootstrap(["program.ts"]);
    assert.equal(code, 1);
    assert.match(stderr, /can't reach its package registry/);
  });

  test("a missing npm is a sentence with the fix", async () => {
    const { code, stderr } = await bootstrap(["program.ts"], { env: { PATH: bin } });
    assert.equal(code, 1);
    assert.match(stderr, /npm is not on the PATH\.\nInstall npm/);
  });

  test("are really installed by the real npm, and the program runs under Node 24", { timeout: 300_000 }, async () => {
    const own = dirname(process.execPath);
    const path = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
    const { code, stdout, stderr } = await bootstrap(["program.ts"], {
      nodeFlags: posingAs("20.11.0"),
      env: { PATH: [...path, own].join(delimiter) },
    });
    assert.equal(code, 0, stderr);
    assert.match((JSON.parse(stdout) as { version: string }).version, /^v24\./);
  });
});

describe("Node", () => {
  test("older than 20 is told what to install", async () => {
    const { code, stderr } = await bootstrap(["program.ts"], { nodeFlags: posingAs("18.20.4") });
    assert.equal(code, 1);
    assert.match(stderr, /needs Node 20 or newer.*this is Node 18\.20\.4[\s\S]*Install Node 24/);
  });

  test("that is too old for TypeScript is replaced by the one among the packages", async () => {
    await npmThat(installs());
    const { code, stdout } = await bootstrap(["program.ts"], { nodeFlags: posingAs("22.1.0") });
    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as { version: string }).version, process.version);
  });

  test("is fetched into the cache where install scripts are switched off", async () => {
    const folder = `node_modules/node-linux-${process.arch}/bin`;
    await npmThat(
      `if [ "$1" = ci ]; then mkdir -p node_modules && echo '{}' > node_modules/.package-lock.json; else mkdir -p "${folder}" && ln -s "${process.execPath}" "${folder}/node"; fi`,
    );
    const flags = { nodeFlags: posingAs("20.11.0") };
    const first = await bootstrap(["program.ts"], flags);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /fetching Node 24\./);
    await bootstrap(["program.ts"], flags);
    const calls = await npmCalls();
    assert.equal(calls.length, 2);
    assert.match(calls[1] ?? "", new RegExp(`^install node-linux-${process.arch}@24\\.`));
  });
});

describe("the program", () => {
  test("gives its exit code back", async () => {
    await npmThat(installs());
    assert.equal((await bootstrap(["program.ts", "exit", "3"])).code, 3);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`gets ${signal}, and ends as it likes`, async () => {
      await npmThat(installs());
      const { child, ended, said } = start(["program.ts", "wait"]);
      for (let i = 0; i < 200 && said() === ""; i++) await sleep(50);
      child.kill(signal);
      const { code, stdout } = await ended;
      assert.equal(code, 7);
      assert.match(stdout, new RegExp(`^${signal}$`, "m"));
    });
  }

  test("ends when npm was told to: npm tells its shell alone", { timeout: 20_000 }, async () => {
    await npmThat(installs());
    const script = `"${process.execPath}" "${join(clone, "bootstrap.mjs")}" program.ts wait; true`;
    const shell = spawn("/bin/sh", ["-c", script], {
      cwd: clone,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}`, npm_lifecycle_event: "start" },
    });
    let said = "";
    shell.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    for (let i = 0; i < 200 && said === ""; i++) await sleep(50);
    shell.kill("SIGTERM");
    // Its output ends when the last of those who hold it has ended.
    await new Promise((resolve) => shell.stdout.once("end", resolve));
    assert.match(said, /^SIGTERM$/m);
  });

  test("knows whose end is its own", async () => {
    await npmThat(installs());
    const { child, ended } = start(["program.ts"]);
    assert.equal((JSON.parse((await ended).stdout) as { parent: string }).parent, String(child.pid));
  });
});

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { connect, createServer, type AddressInfo } from "node:net";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { RestartRecord, Status } from "../protocol/index.ts";
import { belongings, endBelongings, podMark } from "./belongings.ts";
import { firstFreePort } from "./ports.ts";

// `npm start` as a person has it, without a browser: real code-server, helper, kit and app.

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const run = promisify(execFile);
let home: string;
let started: Started[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pod-"));
  started = [];
});
afterEach(async () => {
  for (const { child } of started) child.kill("SIGKILL");
  await endBelongings({ [podMark]: home }, 0);
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout: string;
  stderr: string;
}

function start(args: string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, INPOD_HOME: home, ...env },
  });
  const self: Started = {
    child,
    stdout: "",
    stderr: "",
    ended: new Promise((resolve) => child.on("close", (code) => resolve(code))),
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (self.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (self.stderr += text));
  started.push(self);
  return self;
}

interface Up extends Started {
  readonly url: string;
  readonly app: string;
  readonly link: URL;
}

async function startUp(args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Up> {
  const port = await firstFreePort(17_700 + Math.floor(Math.random() * 1000), "the test", "");
  const pod = start(["--port", String(port), ...args], env);
  for (let i = 0; i < 2400 && !pod.stdout.includes("Ctrl-C") && pod.child.exitCode === null; i++) await sleep(50);
  const link = /http:\S+\/-\/login\?token=\S+/.exec(pod.stdout)?.[0];
  const app = /the service +(http:\S+)/.exec(pod.stdout)?.[1];
  assert.ok(link !== undefined && app !== undefined, `it came up:\n${pod.stderr}${pod.stdout}`);
  return Object.assign(pod, { url: new URL(link).origin, link: new URL(link), app });
}

/** Follows the link as its page does; a cookie, or undefined when it isn't let in. */
async function logIn({ url, link }: Up): Promise<string | undefined> {
  const answer = await fetch(`${url}/-/login`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url },
    body: JSON.stringify({ token: link.searchParams.get("token") }),
  });
  return answer.ok ? answer.headers.getSetCookie()[0]?.split(";")[0] : undefined;
}

const text = async (url: string) => (await fetch(url)).text();
const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const attempt = connect(port, "127.0.0.1", () => {
      attempt.destroy();
      resolve(true);
    }).on("error", () => resolve(false));
  });

test(
  "edit, restart by the page's API and by the command, in both ways; Ctrl-C leaves nothing",
  { timeout: 300_000 },
  async () => {
    const pod = await startUp();
    assert.equal(await text(pod.app), "Hello from the pod.\n");
    assert.equal((await fetch(`${pod.url}/-/api/status`)).status, 401);
    assert.notEqual((await fetch(pod.url, { redirect: "manual" })).status, 200, "no IDE without a login");

    const cookie = await logIn(pod);
    assert.ok(cookie !== undefined, "the link logs in");
    assert.equal(await logIn(pod), undefined, "once");
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`${pod.url}${path}`, { ...init, headers: { cookie, origin: pod.url, "content-type": "application/json" } });
    assert.match(await (await ask("/")).text(), /workbench/);
    const status = async () => (await (await ask("/-/api/status")).json()) as Status;
    assert.equal((await status()).mode, "local");
    // While nothing is asked of it, the helper looks at the app's port from time to time only.
    for (let i = 0; i < 100 && (await status()).app[0]?.phase !== "running"; i++) await sleep(50);
    assert.equal((await status()).app[0]?.phase, "running");

    const file = join(home, "source/server.js");
    const edit = async (from: string, to: string) => writeFile(file, (await readFile(file, "utf8")).replace(from, to));
    await edit("Hello from the pod.", "Hello from the page.");
    assert.equal(await text(pod.app), "Hello from the pod.\n", "nothing restarts by itself");
    const accepted = await ask("/-/api/restart", { method: "POST", body: JSON.stringify({ app: "app" }) });
    assert.equal(accepted.status, 202);
    const { id } = (await accepted.json()) as { id: string };
    let record: RestartRecord | undefined;
    for (let i = 0; i < 200 && record?.outcome === undefined; i++) {
      await sleep(50);
      record = (await (await ask(`/-/api/restarts/${id}`)).json()) as RestartRecord;
    }
    assert.equal(record?.outcome, "served");
    assert.equal(record.how, "process");
    assert.equal(await text(pod.app), "Hello from the page.\n");

    // As the IDE's terminal has it: the launchers, and the socket below INPOD_HOME.
    const env = { PATH: `${join(home, "bin")}:${process.env["PATH"]}`, INPOD_HOME: home };
    await edit("Hello from the page.", "Hello from the terminal.");
    await run("restart", ["app"], { env });
    assert.equal(await text(pod.app), "Hello from the terminal.\n");

    await edit("Hello from the terminal.", "Hello from the kubelet's stand-in.");
    const { stdout } = await run("restart", ["app", "--container", "--json"], { env });
    const contained = JSON.parse(stdout) as RestartRecord;
    assert.equal(contained.how, "container");
    assert.equal(contained.outcome, "served");
    assert.equal(await text(pod.app), "Hello from the kubelet's stand-in.\n");
    assert.match(await readFile(join(home, "logs/kubelet.log"), "utf8"), /liveness probe failed 2 times/);
    await assert.rejects(run("restart", ["ap"], { env }), { code: 2 });

    pod.child.kill("SIGINT");
    assert.equal(await pod.ended, 0);
    assert.deepEqual(belongings({ [podMark]: home }), []);
    assert.equal(await accepts(Number(new URL(pod.app).port)), false);
    assert.equal(await accepts(Number(new URL(pod.url).port)), false);
    const repository = await readFile(fileURLToPath(new URL("../../examples/node/server.js", import.meta.url)), "utf8");
    assert.match(repository, /Hello from the pod\./, "the repository's own file is as it was");
  },
);

test(
  "the second start keeps the edits, the password and is up within seconds; a link is for one start",
  { timeout: 300_000 },
  async () => {
    const first = await startUp();
    await writeFile(
      join(home, "source/server.js"),
      (await readFile(join(home, "source/server.js"), "utf8")).replace("the pod", "my edit"),
    );
    const password = await readFile(join(home, "secret/password"), "utf8");
    first.child.kill("SIGTERM");
    assert.equal(await first.ended, 0);
    const at = Date.now();
    const second = await startUp();
    assert.ok(Date.now() - at < 30_000, `${Date.now() - at} ms`);
    assert.equal(await text(second.app), "Hello from my edit.\n");
    assert.equal(await readFile(join(home, "secret/password"), "utf8"), password);
    assert.equal(await logIn({ ...second, link: first.link }), undefined, "the old link is worth nothing");
    assert.ok((await logIn(second)) !== undefined);
  },
);

test("INPOD_RESTART_ON_SAVE=true: a save alone is served, and held it is not", { timeout: 300_000 }, async () => {
  const pod = await startUp([], { INPOD_RESTART_ON_SAVE: "true" });
  const env = { PATH: `${join(home, "bin")}:${process.env["PATH"]}`, INPOD_HOME: home };
  const file = join(home, "source/server.js");
  const code = await readFile(file, "utf8");
  const save = async (what: string) => writeFile(file, code.replace("the pod", what));
  const serves = async (what: string) => {
    for (let i = 0; i < 500 && (await text(pod.app).catch(() => "")) !== `Hello from ${what}.\n`; i++) await sleep(20);
    assert.equal(await text(pod.app), `Hello from ${what}.\n`);
  };
  for (let i = 0; i < 200; i++) {
    if ((await run("inpod", ["status"], { env })).stdout.includes("a save restarts the app")) break;
    await sleep(50);
  }
  await save("a save");
  await serves("a save");
  await run("restart", ["app", "--hold"], { env });
  await save("a held save");
  await sleep(300);
  await serves("a save");
  await run("restart", ["app", "--release"], { env });
  await serves("a held save");
});

test("killed -9 it leaves nothing either, and the next start works", { timeout: 300_000 }, async () => {
  const pod = await startUp();
  assert.ok(belongings({ [podMark]: home }).length > 4);
  pod.child.kill("SIGKILL");
  for (let i = 0; i < 200 && belongings({ [podMark]: home }).length > 0; i++) await sleep(50);
  assert.deepEqual(belongings({ [podMark]: home }), []);
  await startUp();
});

test(
  "a killed helper and a killed code-server come back by themselves, and the app goes on",
  { timeout: 300_000 },
  async () => {
    const pod = await startUp();
    const who = await text(`${pod.app}whoami`);
    const victims = [];
    for (const pid of belongings({ [podMark]: home })) {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (/helper\.mjs/.test(command) || (/entry\.js/.test(command) && !command.includes("\0init\0")))
        victims.push(pid);
    }
    assert.ok(victims.length >= 2);
    for (const pid of victims) process.kill(pid, "SIGKILL");
    const back = async () => (await fetch(`${pod.url}/-/healthz`).catch(() => undefined))?.ok === true;
    for (let i = 0; i < 400 && !(await back()); i++) await sleep(50);
    assert.ok(await back());
    assert.equal(await text(`${pod.app}whoami`), who);
    const cookie = await logIn(pod);
    let ide = 0;
    for (let i = 0; i < 200 && ide !== 200; i++) {
      ide = (await fetch(`${pod.url}/`, { headers: { cookie: cookie ?? "" } })).status;
      await sleep(100);
    }
    assert.equal(ide, 200);
  },
);

describe("what can't work is said, with the fix, and leaves nothing", () => {
  async function refused(pod: Started, code: number, expected: RegExp): Promise<void> {
    assert.equal(await pod.ended, code, pod.stderr);
    assert.match(pod.stderr, expected);
    assert.doesNotMatch(pod.stderr, /^ {4}at /m, "no stack trace");
    assert.equal(pod.stdout, "");
    assert.deepEqual(belongings({ [podMark]: home }), []);
  }

  test("a taken port", async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    await refused(start([], { INPOD_PORT: String(port) }), 1, new RegExp(`Port ${port} .*taken[\\s\\S]*INPOD_PORT`));
    await refused(
      start(["--app-port", String(port), "--port", "17699"]),
      1,
      new RegExp(`Port ${port} .*example app.*taken[\\s\\S]*--app-port`),
    );
  });

  test("a second one on the same folder names the first", { timeout: 120_000 }, async () => {
    const first = await startUp();
    const second = start(["--port", "17698"]);
    assert.equal(await second.ended, 1);
    assert.ok(second.stderr.includes(first.url), second.stderr);
    assert.equal(await text(first.app), "Hello from the pod.\n", "and doesn't disturb it");
  });

  test("a missing compiler", async () => {
    // With nothing built yet, as on a fresh clone.
    const repository = fileURLToPath(new URL("../..", import.meta.url));
    const empty = await mkdtemp(join(tmpdir(), "clone-"));
    try {
      for (const entry of await readdir(repository)) {
        if (/^(\.git|node_modules|docs|charts|e2e)$/.test(entry)) continue;
        await run("cp", ["-r", join(repository, entry), empty]);
      }
      await rm(join(empty, "restart-controller/native/build"), { recursive: true, force: true });
      await run("ln", ["-s", join(repository, "node_modules"), join(empty, "node_modules")]);
      const child = spawn(process.execPath, [join(empty, "sidecar/local-pod/main.ts"), "--port", "17697"], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, INPOD_HOME: home, PATH: empty, CC: "" },
      });
      const pod: Started = {
        child,
        stdout: "",
        stderr: "",
        ended: new Promise((resolve) => child.on("close", resolve)),
      };
      child.stdout.setEncoding("utf8").on("data", (said: string) => (pod.stdout += said));
      child.stderr.setEncoding("utf8").on("data", (said: string) => (pod.stderr += said));
      await refused(pod, 1, /C compiler[\s\S]*install one/);
    } finally {
      await rm(empty, { recursive: true, force: true });
    }
  });

  test("a path too long, a folder that is none, a flag that there isn't", async () => {
    await refused(start([], { INPOD_HOME: `${home}/${"long".repeat(20)}` }), 1, /sockets allow \d+[\s\S]*INPOD_HOME/);
    await writeFile(join(home, "file"), "");
    await refused(start(["--port", "17696"], { INPOD_HOME: join(home, "file") }), 1, /can't be written/);
    await refused(start(["--prot", "1"]), 2, /--prot[\s\S]*--help/);
  });
});

test("--help shows flags and examples, and starts nothing", async () => {
  const pod = start(["--help"]);
  assert.equal(await pod.ended, 0);
  assert.match(pod.stdout, /--port N[\s\S]*Examples/);
  assert.deepEqual(await readdir(home), []);
});

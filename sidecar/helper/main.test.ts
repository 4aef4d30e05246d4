import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request as ask } from "node:http";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle } from "../../build.ts";
import { nodeEnvironment, nodeFlags } from "./node-flags.ts";
import { fakeIde } from "./testing/fake-ide.ts";
import { rawRequest } from "./testing/raw-client.ts";

// The bundle as the image has it: under these flags Node couldn't read TypeScript.
let folder: string;
let program: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "inpod-bundle-"));
  program = join(folder, "helper.mjs");
  await bundle("sidecar/helper/main.ts", program, "0.0.0-test");
});
after(() => rm(folder, { recursive: true }));

const password = "a password to grep for";
const token = "a-login-token-to-grep-for";

function run(args: readonly string[], env: Record<string, string>) {
  const child: ChildProcess = spawn(process.execPath, [...nodeFlags, program, ...args], {
    env: { PATH: process.env["PATH"], ...nodeEnvironment, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const told = { out: "", err: "" };
  child.stdout?.on("data", (chunk: Buffer) => (told.out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (told.err += chunk.toString()));
  return { child, told, ended: once(child, "exit").then(([code]) => code as number) };
}

/** The program as the container runs it, with a fake IDE behind it. */
async function runHelper(t: TestContext, answer?: RequestListener) {
  const home = await mkdtemp(join(tmpdir(), "inpod-main-"));
  await mkdir(join(home, "run"));
  await mkdir(join(home, "web-ui"));
  await writeFile(join(home, "web-ui/index.html"), "page");
  await writeFile(join(home, "web-ui/login.html"), "log in");
  await writeFile(join(home, "password"), password);
  await writeFile(join(home, "token"), token);
  const ide = await fakeIde(join(home, "run/ide.sock"), answer);
  const { child, told, ended } = run([], {
    INPOD_HOME: home,
    INPOD_PORT: "0",
    INPOD_AUTH_MODE: "password",
    INPOD_PASSWORD_FILE: join(home, "password"),
    INPOD_LOGIN_TOKEN_FILE: join(home, "token"),
    INPOD_ASSETS: join(home, "web-ui"),
    INPOD_LOG_LEVEL: "debug",
    INPOD_TYPO: "1",
  });
  t.after(async () => {
    child.kill("SIGKILL");
    await ide.close();
    await rm(home, { recursive: true, maxRetries: 3 });
  });
  while (!told.out.includes("the front door is open")) {
    assert.equal(child.exitCode, null, told.err);
    await sleep(20);
  }
  const port = Number(/"port":(\d+)/.exec(told.out)?.[1]);
  const post = (path: string, body: object, headers: [string, string][] = []) =>
    rawRequest(
      { port },
      {
        method: "POST",
        path,
        headers: [
          ["Host", `localhost:${port}`],
          ["Origin", `http://localhost:${port}`],
          ["Content-Type", "application/json"],
          ...headers,
        ],
        body: JSON.stringify(body),
      },
    );
  return { home, child, told, ended, port, post };
}

test("starts, says so, serves on IPv4 and IPv6, and ends on SIGTERM with 0, letting go of its socket", async (t) => {
  const helper = await runHelper(t);
  assert.match(helper.told.out, /INPOD_TYPO is set, and no setting of the helper/);
  for (const host of ["127.0.0.1", "[::1]"]) {
    const answer = await fetch(`http://${host}:${helper.port}/-/healthz`);
    assert.equal(answer.status, 200, host);
  }
  const socket = join(helper.home, "run/api.sock");
  assert.equal((await rawRequest({ path: socket }, { path: "/-/api/status", headers: [["Host", "x"]] })).status, 200);
  const since = performance.now();
  helper.child.kill("SIGTERM");
  assert.equal(await helper.ended, 0);
  assert.ok(performance.now() - since < 2000);
  await assert.rejects(rawRequest({ path: socket }, { path: "/", headers: [] }), /ENOENT/);
});

test("no secret in logs, argv, responses or state: password, token, cookie, queries", async (t) => {
  const helper = await runHelper(t);
  const seen: string[] = [];
  const keep = async (asked: ReturnType<typeof rawRequest>) => {
    const { status, headers, body } = await asked;
    seen.push(JSON.stringify({ status, headers: { ...headers, "set-cookie": "" }, body }));
    return headers;
  };
  await keep(helper.post("/-/login", { password: "a wrong password to grep for" }));
  const cookie = ((await keep(helper.post("/-/login", { password })))["set-cookie"] ?? "").split(";")[0] ?? "";
  await keep(helper.post("/-/login", { token }));
  const get = (path: string) =>
    keep(
      rawRequest(
        { port: helper.port },
        {
          path,
          headers: [
            ["Host", `localhost:${helper.port}`],
            ["Cookie", cookie],
          ],
        },
      ),
    );
  for (const path of [
    `/-/login?token=${token}`,
    "/-/api/status",
    "/-/api/sessions",
    "/-/api/restarts",
    "/-/api/logs",
    "/-/",
    "/?tkn=a-query-to-grep-for",
    "/-/nothing?x=a-query-to-grep-for",
    `/-/api/logs?limit=${token}`,
  ])
    await get(path);
  await keep(helper.post("/-/api/restart", { app: password }, [["Cookie", cookie]]));
  const argv = await readFile(`/proc/${helper.child.pid}/cmdline`, "utf8");
  const environment = await readFile(`/proc/${helper.child.pid}/environ`, "utf8");
  helper.child.kill("SIGTERM");
  await helper.ended;
  const state = await readFile(join(helper.home, "helper/sessions.json"), "utf8");
  const value = cookie.split("=")[1] ?? "";
  assert.equal(value.length, 43);
  for (const [where, text] of Object.entries({ ...helper.told, argv, environment, state, answers: seen.join("\n") })) {
    for (const secret of [value, "wrong password to grep for", "a-query-to-grep-for"])
      assert.ok(!text.includes(secret), `${where} has ${secret}`);
    // What a caller sent is named in the answer to that caller; nowhere else.
    if (where === "answers") continue;
    for (const secret of [password, token]) assert.ok(!text.includes(secret), `${where} has ${secret}`);
  }
  const unasked = seen.filter(
    (answer) => !answer.includes("INPOD_APP_UNKNOWN") && !answer.includes("INPOD_REQUEST_INVALID"),
  );
  for (const secret of [password, token]) assert.ok(!unasked.join("\n").includes(secret), secret);
  assert.match(helper.told.out, /"path":"\/-\/login","status":200/);
});

test("hundreds of megabytes pass in both directions with flat memory", { timeout: 120_000 }, async (t) => {
  const block = Buffer.alloc(1024 * 1024, "x");
  const blocks = 256;
  let uploaded = 0;
  const helper = await runHelper(t, (request, response) => {
    if (request.method === "POST") {
      request.on("data", (chunk: Buffer) => (uploaded += chunk.length));
      return void request.on("end", () => response.end());
    }
    let left = blocks;
    const more = () => {
      while (left-- > 0) if (!response.write(block)) return void response.once("drain", more);
      response.end();
    };
    more();
  });
  const login = await helper.post("/-/login", { password });
  const headers = {
    Host: `localhost:${helper.port}`,
    Origin: `http://localhost:${helper.port}`,
    Cookie: (login.headers["set-cookie"] ?? "").split(";")[0] ?? "",
  };
  const memory = async (which: "VmHWM" | "VmRSS") => {
    const status = await readFile(`/proc/${helper.child.pid}/status`, "utf8");
    return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  };
  const idle = await memory("VmRSS");
  assert.ok(idle <= 70, `${idle} MB after a login`);
  const first = await memory("VmHWM");

  const download = ask({ host: "127.0.0.1", port: helper.port, path: "/big", headers }).end();
  const [answer] = await once(download, "response");
  let size = 0;
  for await (const chunk of answer) size += (chunk as Buffer).length;
  assert.equal(size, blocks * block.length);
  const upload = ask({ host: "127.0.0.1", port: helper.port, path: "/up", method: "POST", headers });
  const answered = once(upload, "response");
  for (let i = 0; i < blocks; i++) if (!upload.write(block)) await once(upload, "drain");
  upload.end();
  (await answered)[0].resume();
  assert.equal(uploaded, blocks * block.length);
  const last = await memory("VmHWM");
  t.diagnostic(`idle ${Math.round(idle)} MB, peak ${Math.round(first)} → ${Math.round(last)} MB`);
  assert.ok(last - first < 48, `${first} → ${last} MB`);
});

test("wrong settings: every problem at once, as sentences, exit 2, nothing opened", async () => {
  const { told, ended } = run([], {
    INPOD_HOME: "relative",
    INPOD_PORT: "70000",
    INPOD_APPS: `[{"name":"App!","port":0}]`,
    INPOD_ORIGINS: "https://ok.example,evil",
    INPOD_TRUSTED_PROXIES: "10.0.0.0/99",
    INPOD_KUBE_POD: "Not a pod",
  });
  assert.equal(await ended, 2);
  for (const word of ["INPOD_HOME", "70000", "INPOD_APPS", "evil", "10.0.0.0/99", "INPOD_AUTH_MODE", "Not a pod"])
    assert.ok(told.err.includes(word), `${word} in:\n${told.err}`);
});

test("an unknown command is wrong usage; a missing page is named", async () => {
  const unknown = run(["serve"], {});
  assert.equal(await unknown.ended, 2);
  assert.match(unknown.told.err, /"serve" is no command/);
  const bare = run([], { INPOD_AUTH_MODE: "none", INPOD_HOME: tmpdir(), INPOD_ASSETS: "/nonexistent" });
  assert.equal(await bare.ended, 2);
  assert.match(bare.told.err, /INPOD_ASSETS is "\/nonexistent"/);
});

test("a taken port is a sentence, exit 1", async (t) => {
  const first = await runHelper(t);
  const { told, ended } = run([], {
    INPOD_HOME: join(first.home, "second"),
    INPOD_PORT: String(first.port),
    INPOD_AUTH_MODE: "none",
    INPOD_ASSETS: join(first.home, "web-ui"),
  });
  assert.equal(await ended, 1);
  assert.match(told.err, new RegExp(`port ${first.port} is taken`));
});

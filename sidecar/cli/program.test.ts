import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Backoff } from "../protocol/index.ts";
import { run } from "./program.ts";
import { statusText } from "./status-command.ts";

type Answer = (request: IncomingMessage, body: string) => { status?: number; body: unknown };

/** A helper that answers as told, on a real Unix socket. */
async function fakeHelper(answer: Answer) {
  const home = await mkdtemp(join(tmpdir(), "inpod-cli-"));
  await mkdir(join(home, "run"));
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const told = answer(request, body);
    response.writeHead(told.status ?? 200, { "content-type": "application/json" }).end(JSON.stringify(told.body));
  };
  const server = createServer((request, response) => void handle(request, response));
  server.listen(join(home, "run/api.sock"));
  await once(server, "listening");
  return {
    home,
    async close() {
      server.closeAllConnections();
      server.close();
      await rm(home, { recursive: true });
    },
  };
}

async function call(home: string, name: string, ...args: string[]) {
  return callUntil(new AbortController().signal, home, name, ...args);
}

async function callUntil(stop: AbortSignal, home: string, name: string, ...args: string[]) {
  let out = "";
  let said = "";
  const code = await run(name, args, {
    env: { INPOD_HOME: home },
    out: (text) => {
      out += text;
    },
    say: (text) => {
      said += text;
    },
    colour: false,
    nameOwners: (port) => {
      said += `owners of ${port}\n`;
    },
    stop,
  });
  return { code, out, said };
}

const base = { app: "app", how: "container", origin: "request", askedAt: "2026-01-01T00:00:00.000Z", asked: 0 };

function restartingHelper(end: object, seen: object[] = []) {
  return fakeHelper((request, body) => {
    if (request.method === "POST") {
      const ask = JSON.parse(body);
      seen.push(ask);
      return { status: 202, body: { id: ask.id, app: "app", how: "container" } };
    }
    if (request.url === "/-/api/status") return { body: { app: [{ name: "app", port: 8080 }] } };
    return { body: { ...base, id: "x", ...end } };
  });
}

test("restart waits to the end, tells the split, exits 0", async () => {
  const seen: object[] = [];
  const helper = await restartingHelper({ stopped: 1200, served: 1285, outcome: "served" }, seen);
  const { code, out } = await call(helper.home, "restart", "app", "--timeout", "5s");
  assert.equal(code, 0);
  assert.match(out, /served in 1\.28 s|served in 1\.29 s/);
  assert.match(out, /port closed for 85 ms/);
  assert.match(JSON.stringify(seen), /"timeoutMs":5000/);
  await helper.close();
});

test("each outcome has the design's exit code, and the last lines are shown", async () => {
  for (const [outcome, expected] of [
    ["crashed", 1],
    ["timeout", 3],
    ["refused", 4],
  ] as const) {
    const helper = await restartingHelper({ outcome, message: "because", log: ["Error: boom"] });
    const { code, out, said } = await call(helper.home, "inpod", "restart");
    assert.equal(code, expected);
    assert.match(out, /because/);
    assert.match(said, /Error: boom/);
    assert.match(said, /owners of 8080/);
    await helper.close();
  }
});

test("the kubelet's back-off is said before it is paid and while it runs", async () => {
  const waitsUntil = new Date(Date.now() + 60_000).toISOString();
  let asked = 0;
  const helper = await fakeHelper((request, body) => {
    if (request.method === "POST") {
      const { id } = JSON.parse(body);
      return { status: 202, body: { id, app: "app", how: "container", note: "the kubelet would wait 80 s: …" } };
    }
    const end = asked++ === 0 ? {} : { served: 81_000, outcome: "served" };
    return { body: { ...base, id: "x", stopped: 900, waitsUntil, ...end } };
  });
  const { code, out, said } = await call(helper.home, "restart", "--container");
  assert.equal(code, 0);
  assert.match(said, /the kubelet would wait 80 s: …\n {2}waiting in back-off until \d\d:\d\d:\d\d UTC/);
  assert.match(out, /most of it in the kubelet's back-off/);
  await helper.close();
});

test("--json prints one object and nothing else on stdout", async () => {
  const helper = await restartingHelper({ served: 9, outcome: "served" });
  const { out } = await call(helper.home, "restart", "--json");
  assert.equal(JSON.parse(out).served, 9);
  await helper.close();
});

test("an unknown app is wrong usage, with the names there are", async () => {
  const helper = await fakeHelper(() => ({
    status: 404,
    body: { code: "INPOD_APP_UNKNOWN", title: 'there is no app "ap" here', fix: "name one of: app" },
  }));
  const { code, said } = await call(helper.home, "restart", "ap");
  assert.equal(code, 2);
  assert.match(said, /"ap"[\s\S]*name one of: app/);
  await helper.close();
});

test("wrong usage exits 2 with a sentence and asks the helper nothing", async () => {
  for (const args of [
    ["restrat"],
    ["restart", "a", "b"],
    ["restart", "--container", "--process"],
    ["restart", "--timeout", "soon"],
    ["restart", "--timeout", "-1s"],
    ["restart", "--frobnicate"],
    ["logs", "-n", "0"],
    ["completion", "fish"],
  ]) {
    const { code, said } = await call("/nonexistent", "inpod", ...args);
    assert.equal(code, 2, args.join(" "));
    assert.ok(said.length > 10, args.join(" "));
  }
});

test("a helper that is just being restarted is waited for, with the same request id", async () => {
  const ids: string[] = [];
  let calls = 0;
  const home = await mkdtemp(join(tmpdir(), "inpod-cli-"));
  await mkdir(join(home, "run"));
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      if (request.method === "POST") ids.push(JSON.parse(body).id);
      calls++;
      // The first answer gets lost with the connection, as when the helper is killed.
      if (calls === 1) return request.socket.destroy();
      const answer =
        request.method === "POST"
          ? { id: ids[0], app: "app", how: "container" }
          : { ...base, id: "x", outcome: "served", served: 5 };
      return response.end(JSON.stringify(answer));
    });
  });
  const late = setTimeout(() => server.listen(join(home, "run/api.sock")), 300);
  const { code } = await call(home, "restart", "app");
  clearTimeout(late);
  assert.equal(code, 0);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
  server.closeAllConnections();
  server.close();
  await rm(home, { recursive: true });
});

test("status exits 1 when an app is down and says what would be lost", async () => {
  const status = {
    version: "1",
    release: "cart",
    mode: "sidecar",
    app: [
      {
        name: "app",
        phase: "down",
        generation: 1,
        port: 8080,
        how: "container",
        restarts: { process: 0, container: 1 },
        backoff: { waitSeconds: 0 },
      },
    ],
    ide: { phase: "running" },
    source: { dirtyFiles: 2, durable: false },
  };
  const helper = await fakeHelper(() => ({ body: status }));
  const { code, out } = await call(helper.home, "inpod", "status");
  assert.equal(code, 1);
  assert.match(out, /app: down, port 8080/);
  assert.match(out, /2 files not committed/);
  assert.doesNotMatch(out, /kubelet|back-off/);
  assert.match(out, /dies with the pod/);
  await helper.close();
});

test("status says what a container restart would cost, and until when; a wait that runs has other words", () => {
  const app = {
    name: "app",
    phase: "running",
    generation: 1,
    how: "container",
    restarts: { process: 0, container: 4 },
  } as const;
  const text = (backoff: Backoff) =>
    statusText({
      version: "1",
      release: "cart",
      mode: "sidecar",
      app: [{ ...app, backoff }],
      ide: { phase: "running" },
      source: { dirtyFiles: null },
    });
  const until = "2026-01-01T14:03:20.000Z";
  assert.match(
    text({ waitSeconds: 80, until }),
    /would wait 80 s before the next container restart, if it is asked until 14:03:20 UTC/,
  );
  assert.match(text({ waitSeconds: 12, until, running: true }), /waiting in back-off until 14:03:20 UTC/);
});

test("every command has a help text; the restart command's has examples", async () => {
  for (const command of ["restart", "status", "restarts", "doctor", "logs", "completion", "version"]) {
    const { code, out } = await call("/nonexistent", "inpod", command, "--help");
    assert.equal(code, 0);
    assert.match(out, /Usage: inpod/);
  }
  assert.match((await call("/nonexistent", "restart", "--help")).out, /restart app --ready/);
});

test("called as restart, it speaks of restart; the timeout is said as it is typed", async () => {
  const { out } = await call("/nonexistent", "restart", "--help");
  assert.match(out, /^Usage: restart \[options\] \[app\]$/m);
  assert.match(out, /\(default:\s+30s\)/);
  assert.match((await call("/nonexistent", "restart", "--bogus")).said, /\(restart --help/);
  assert.match((await call("/nonexistent", "inpod", "restart", "--bogus")).said, /\(inpod restart --help/);
});

test("a duration that can't be read is answered with ones that can", async () => {
  const { said } = await call("/nonexistent", "restart", "--timeout", "30000");
  assert.match(said, /"30000" is not a duration[^\n]*500ms, 30s or 2m/);
});

test("the completion script knows every command and option", async () => {
  const { out } = await call("/nonexistent", "inpod", "completion", "bash");
  for (const word of ["restart", "status", "logs", "--container", "--timeout", "complete -F"])
    assert.ok(out.includes(word), word);
});

test("Ctrl-C is no error: a restart goes on and it is said, a log has been followed long enough", async () => {
  const ctrlC = new AbortController();
  const helper = await fakeHelper((request, body) => {
    if (request.method === "POST") return { status: 202, body: { ...JSON.parse(body), app: "app", how: "process" } };
    // In the middle of a call, and in the pause between two.
    setTimeout(() => ctrlC.abort(), 20);
    return { body: request.url?.includes("/logs") ? { lines: [] } : { ...base, id: "x" } };
  });
  const restart = await callUntil(ctrlC.signal, helper.home, "restart", "app");
  assert.equal(restart.code, 1);
  assert.match(restart.said, /no longer waiting; a restart that was asked for goes on/);
  assert.doesNotMatch(restart.said, /unexpected/);
  const logs = await callUntil(AbortSignal.timeout(300), helper.home, "inpod", "logs", "-f");
  assert.deepEqual(logs, { code: 0, out: "", said: "" });
  await helper.close();
});

test("somebody else on the app's port is told, also when the app is served", async () => {
  const helper = await restartingHelper({ served: 9, outcome: "served", others: 1 });
  const { code, said } = await call(helper.home, "restart", "app");
  assert.equal(code, 0);
  assert.match(said, /somebody else listens on port 8080 too[\s\S]*owners of 8080/);
  await helper.close();
});

test("a crash that is held is told with its exit", async () => {
  const app = { phase: "crashed", port: 8080, restarts: { process: 1, container: 0 }, backoff: { waitSeconds: 0 } };
  const helper = await fakeHelper(() => ({
    body: {
      app: [
        { ...app, name: "web", lastExit: { code: 7, signal: null } },
        { ...app, name: "job", lastExit: { code: null, signal: "SIGKILL" } },
      ],
      ide: { phase: "running" },
      source: { dirtyFiles: null },
    },
  }));
  const { code, out } = await call(helper.home, "inpod", "status");
  assert.equal(code, 1);
  assert.match(out, /web: crashed, exit code 7, port 8080/);
  assert.match(out, /job: crashed, ended by SIGKILL/);
  await helper.close();
});

test("restart web and restart app web are the same; two names are not", async () => {
  const seen: object[] = [];
  const helper = await restartingHelper({ served: 9, outcome: "served" }, seen);
  await call(helper.home, "restart", "web");
  await call(helper.home, "restart", "app", "web", "--json");
  await call(helper.home, "inpod", "restart", "app");
  assert.deepEqual(
    seen.map((ask) => Reflect.get(ask, "app")),
    ["web", "web", "app"],
  );
  const { code, said } = await call(helper.home, "restart", "web", "worker");
  assert.equal(code, 2);
  assert.match(said, /"web worker" names two apps/);
  assert.equal(seen.length, 3);
  await helper.close();
});

test("a log of several apps has their names in front, unless one is asked for", async () => {
  const lines = [
    { seq: 7, app: "web", text: "\u001B[32mup\u001B[0m" },
    { seq: 5, app: "worker", text: "idle" },
  ];
  const helper = await fakeHelper(({ url }) => ({
    body: url === "/-/api/status" ? { app: [{ name: "web" }, { name: "worker" }] } : { lines },
  }));
  assert.equal((await call(helper.home, "inpod", "logs")).out, "[web] \u001B[32mup\u001B[0m\n[worker] idle\n");
  assert.equal((await call(helper.home, "inpod", "logs", "web")).out, "\u001B[32mup\u001B[0m\nidle\n");
  await helper.close();
});

test("bash completes the apps that are there at the time", async () => {
  const home = await mkdtemp(join(tmpdir(), "inpod-cli-"));
  for (const app of ["web", "worker"]) await mkdir(join(home, "app", app), { recursive: true });
  const { out } = await call(home, "inpod", "completion", "bash");
  const complete = async (...words: string[]) => {
    const typed = words.map((word) => `'${word}'`).join(" ");
    const script = `${out}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}; _inpod; echo "\${COMPREPLY[*]}"`;
    const { stdout } = await promisify(execFile)("bash", ["-c", script], { env: { ...process.env, INPOD_HOME: home } });
    return stdout.trim().split(" ");
  };
  assert.deepEqual(await complete("restart", "w"), ["web", "worker"]);
  assert.deepEqual(await complete("restart", "app", "we"), ["web"]);
  assert.deepEqual(await complete("inpod", "logs", "wo"), ["worker"]);
  assert.deepEqual(await complete("inpod", "doc"), ["doctor"]);
  assert.deepEqual(await complete("restart", "--proc"), ["--process"]);
  await mkdir(join(home, "app/late"));
  assert.deepEqual(await complete("restart", "la"), ["late"]);
  await rm(home, { recursive: true });
});

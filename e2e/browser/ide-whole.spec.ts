import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { type CodeServer, ensureCodeServer, ideFlags } from "../../sidecar/code-server/index.ts";
import { launchChromium } from "../browser.ts";

// code-server as inpod installs it, without kerberos and the other modules left out: it must be whole all the same.

const cache = process.env["INPOD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "inpod");
let home: string;
let ide: ChildProcess;
let front: Server;
let browser: Browser;
let page: Page;
let said = "";

before(async () => {
  home = await mkdtemp(join(tmpdir(), "ide-"));
  await mkdir(join(home, "run"));
  await mkdir(join(home, "work"));
  await writeFile(join(home, "work/hello.txt"), "hello from the editor\n");
  const server = await ensureCodeServer({
    cache,
    node: process.execPath,
    env: process.env,
    path: "",
    progress: (line) => console.error(line),
  });
  ide = startIde(server, await builtinExtensions(server));
  front = await openFront(join(home, "run/ide.sock"));
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
});

after(async () => {
  await browser?.close();
  front?.close();
  front?.closeAllConnections();
  if (ide?.pid !== undefined) {
    process.kill(-ide.pid, "SIGTERM");
    await sleep(1000);
    try {
      process.kill(-ide.pid, "SIGKILL");
    } catch {
      // Its whole group is gone already.
    }
  }
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

test("it answers on its socket alone", async () => {
  const answer = await fetch(`http://127.0.0.1:${(front.address() as AddressInfo).port}/healthz`);
  assert.equal(answer.status, 200);
  assert.match(said, /HTTP server listening on \S+\/run\/ide\.sock/);
  assert.doesNotMatch(said, /listening on http/);
});

test("the workbench loads, with the folder's files", { timeout: 90_000 }, async () => {
  await page.goto(`http://localhost:${(front.address() as AddressInfo).port}/`);
  await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
  await page.getByRole("treeitem", { name: "hello.txt" }).waitFor({ timeout: 30_000 });
});

test("a built-in extension beside code-server's own is active", { timeout: 60_000 }, async () => {
  await page.getByRole("button", { name: "probe of the test" }).waitFor({ timeout: 50_000 });
});

test("a terminal opens, and its command changes a file that the editor then shows", { timeout: 90_000 }, async () => {
  await page.keyboard.press("Control+Shift+Backquote");
  await page
    .locator(".terminal-wrapper .xterm-helper-textarea")
    .first()
    .waitFor({ state: "attached", timeout: 30_000 });
  await sleep(2000);
  await page.keyboard.type(`printf 'typed' > ${home}/work/from-terminal.txt\n`);
  await page.getByRole("treeitem", { name: "from-terminal.txt" }).waitFor({ timeout: 30_000 });
  assert.equal(await readFile(join(home, "work/from-terminal.txt"), "utf8"), "typed");
});

test("nothing it needed was missing", () => {
  const missing = said.split("\n").filter((line) => /Cannot find (module|package)|ERR_MODULE_NOT_FOUND/.test(line));
  assert.deepEqual(missing, []);
});

function startIde(server: CodeServer, extensions: string): ChildProcess {
  const [program, ...args] = server.command;
  const flags = ideFlags({ home, userHome: home, release: "test", builtinExtensions: extensions });
  const child = spawn(program, [...args, ...flags, join(home, "work")], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], HOME: home, SHELL: "/bin/sh" },
  });
  const hear = (chunk: Buffer) => {
    said += chunk.toString("utf8");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return child;
}

/** A folder with a link to each of code-server's extensions and one of ours. */
async function builtinExtensions(server: CodeServer): Promise<string> {
  const folder = join(home, "extensions");
  const own = join(folder, "probe");
  await mkdir(own, { recursive: true });
  const theirs = join(server.root ?? "", "lib/vscode/extensions");
  for (const name of await readdir(theirs)) await symlink(join(theirs, name), join(folder, name));
  const manifest = {
    name: "probe",
    publisher: "test",
    version: "1.0.0",
    engines: { vscode: "^1.90.0" },
    main: "./main.js",
    activationEvents: ["onStartupFinished"],
  };
  await writeFile(join(own, "package.json"), JSON.stringify(manifest));
  await writeFile(
    join(own, "main.js"),
    `const vscode = require("vscode");
     exports.activate = () => {
       const item = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Left);
       item.text = "probe"; item.tooltip = "probe of the test"; item.command = "noop"; item.accessibilityInformation = { label: "probe of the test", role: "button" };
       item.show();
     };`,
  );
  return folder;
}

/** A plain TCP front, in the place of the helper. */
async function openFront(socket: string): Promise<Server> {
  for (let i = 0; i < 300 && !(await accepts(socket)); i++) await sleep(100);
  const server = createServer((incoming, outgoing) => {
    const onward = request({
      socketPath: socket,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    });
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on("upgrade", (incoming, client, head) => {
    const upstream = connect(socket);
    const headers = incoming.rawHeaders.reduce((text, part, i) => text + part + (i % 2 === 0 ? ": " : "\r\n"), "");
    upstream.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers}\r\n`);
    upstream.write(head);
    upstream.pipe(client).on("error", () => upstream.destroy());
    client.pipe(upstream).on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = connect(socket);
    attempt.on("connect", () => {
      attempt.destroy();
      resolve(true);
    });
    attempt.on("error", () => resolve(false));
  });
}

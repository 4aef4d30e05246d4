import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { ensureCodeServer } from "../../sidecar/code-server/index.ts";
import { launchChromium } from "../browser.ts";
import { type RealIde, startRealIde } from "../real-ide.ts";

// code-server as inpod installs it, without kerberos and the other modules left out: it must be whole all the same.

const cache = process.env["INPOD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "inpod");
let home: string;
let ide: RealIde;
let browser: Browser;
let page: Page;

before(async () => {
  home = await mkdtemp(join(tmpdir(), "ide-"));
  await mkdir(join(home, "work"));
  await writeFile(join(home, "work/hello.txt"), "hello from the editor\n");
  const server = await ensureCodeServer({
    cache,
    node: process.execPath,
    env: process.env,
    path: "",
    progress: (line) => console.error(line),
  });
  const extension = { name: "probe", folder: await probeExtension(join(home, "probe")) };
  ide = await startRealIde({ server, home, folder: join(home, "work"), extension });
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
});

after(async () => {
  await browser?.close();
  await ide?.close();
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

test("it answers on its socket alone", async () => {
  const answer = await fetch(`${ide.origin}/healthz`);
  assert.equal(answer.status, 200);
  assert.match(ide.said(), /HTTP server listening on \S+\/run\/ide\.sock/);
  assert.doesNotMatch(ide.said(), /listening on http/);
});

test("the workbench loads, with the folder's files", { timeout: 90_000 }, async () => {
  await page.goto(`${ide.origin}/`);
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
  const missing = ide
    .said()
    .split("\n")
    .filter((line) => /Cannot find (module|package)|ERR_MODULE_NOT_FOUND/.test(line));
  assert.deepEqual(missing, []);
});

/** An extension that shows one button, in a folder of its own. */
async function probeExtension(own: string): Promise<string> {
  await mkdir(own);
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
  return own;
}

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { ensureCodeServer } from "../../sidecar/code-server/index.ts";
import { buildExtension } from "../../sidecar/extension/build.ts";
import type { AppStatus, RestartRecord, Status } from "../../sidecar/protocol/index.ts";
import { launchChromium } from "../browser.ts";
import { idePage } from "../ide-page.ts";
import { type RealIde, startRealIde } from "../real-ide.ts";
import { screenshotFolder } from "../screenshots.ts";
import { openSpokenHelper, type SpokenHelper } from "../spoken-helper.ts";
import { until } from "../wait.ts";

// The extension in a real code-server and a real browser, with a helper whose words the test chooses.

const cache = process.env["INPOD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "inpod");
// The web VS Code saves by itself after a second; here only the extension may.
const userSettings = '{ "files.autoSave": "off" }\n';
const app: AppStatus = {
  name: "app",
  phase: "running",
  generation: 1,
  pid: 42,
  port: 8080,
  how: "process",
  restarts: { process: 0, container: 0 },
  backoff: { waitSeconds: 0 },
};
const status: Status = {
  version: "0.1.0",
  release: "test",
  mode: "sidecar",
  app: [app],
  ide: { phase: "running" },
  source: { dirtyFiles: null },
};

let home: string;
let helper: SpokenHelper;
let listener: Server;
let ide: RealIde;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const button = (text: RegExp) => page.locator(".statusbar-item", { hasText: text }).first();
const shot = async (name: string) => page.screenshot({ path: join(await screenshotFolder(), `extension-${name}.png`) });

before(async () => {
  home = await mkdtemp(join(tmpdir(), "extension-"));
  const work = join(home, "work");
  const user = join(home, ".local/share/code-server/User");
  for (const folder of [work, user, join(home, "run")]) await mkdir(folder, { recursive: true });
  await writeFile(join(user, "settings.json"), userSettings);
  await writeFile(join(work, "hello.txt"), "hello from the editor\n");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t.example", ...args], { cwd: work });
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message", "first");
  await writeFile(join(work, "new.txt"), "not committed\n");
  const extension = join(home, "our-extension");
  await buildExtension({ outdir: extension });
  const server = await ensureCodeServer({
    cache,
    node: process.execPath,
    env: process.env,
    path: "",
    progress: (line) => console.error(line),
  });
  ide = await startRealIde({
    server,
    home,
    folder: work,
    extension: { name: "inpod", folder: extension },
    mine(request, response) {
      if (request.url !== "/-/") return false;
      response.writeHead(200, { "content-type": "text/html" }).end("<title>inpod</title>the page of the test");
      return true;
    },
  });
  browser = await launchChromium();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
});

after(async () => {
  await browser?.close();
  await ide?.close();
  await helper?.close();
  listener?.close();
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

test("without a helper the status bar says that it connects", { timeout: 120_000 }, async () => {
  await page.goto(ide.origin);
  await page.getByRole("treeitem", { name: "hello.txt" }).waitFor({ timeout: 60_000 });
  await button(/inpod connecting/).waitFor({ timeout: 60_000 });
});

test("a program that listens is no news: VS Code could only offer a port of its own proxy", async () => {
  listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  // Seen after two seconds without our defaults.
  await sleep(8000);
  assert.deepEqual(await page.locator(".notification-toast").allInnerTexts(), []);
});

test("the helper's word is in the status bar as soon as it speaks", { timeout: 60_000 }, async () => {
  helper = await openSpokenHelper(join(home, "run/api.sock"), status);
  helper.lines = [{ seq: 100, app: "app", text: "listening on 8080" }];
  await button(/^\s*app running\s*$/).waitFor({ timeout: 30_000 });
  await shot("running");
});

test("uncommitted files are counted for the helper", { timeout: 60_000 }, async () => {
  await until("one file is told", async () => helper.dirtyFiles.at(-1) === 1);
  await writeFile(join(home, "work/another.txt"), "");
  await until("two files are told", async () => helper.dirtyFiles.at(-1) === 2);
  assert.deepEqual([...new Set(helper.dirtyFiles)], [1, 2]);
  const told = helper.dirtyFiles.length;
  await sleep(2000);
  assert.equal(helper.dirtyFiles.length, told, "told without a change");
});

test(
  "no welcome, no chat, no question on the way in; not at the second visit either",
  { timeout: 90_000 },
  async () => {
    const calm = async (of: Page) => {
      assert.equal(await of.locator(".tab").count(), 0);
      assert.equal(await of.locator(".part.auxiliarybar:visible").count(), 0);
      assert.equal(await of.locator(".monaco-dialog-box:visible").count(), 0);
      assert.equal(await of.locator(".notification-toast").count(), 0);
    };
    await calm(page);
    const second = await context.newPage();
    await second.goto(ide.origin);
    await second.locator(".statusbar-item", { hasText: "app running" }).waitFor({ timeout: 60_000 });
    await calm(second);
    await second.close();
  },
);

test("the button saves, asks for one restart, and shows its split", { timeout: 90_000 }, async () => {
  const file = join(home, "work/hello.txt");
  let savedWhenAsked = "";
  let running: RestartRecord | undefined;
  helper.onRestart = async ({ id = "" }) => {
    savedWhenAsked = await readFile(file, "utf8");
    running = restartRecord(id);
    helper.records.set(id, running);
    tell({ ...app, phase: "restarting", current: running });
    return { id, app: "app", how: "process" };
  };
  await idePage(page).openFile("hello.txt");
  await page.locator(".monaco-editor .view-lines").first().click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.insertText("typed and not saved: ");
  await page.locator(".tab.dirty").waitFor();
  await button(/app running/).click();
  // Who is impatient gets no second restart.
  await button(/app/).click();
  await button(/app restarting: stopping/).waitFor({ timeout: 10_000 });
  await shot("restarting");
  assert.equal(savedWhenAsked, "typed and not saved: hello from the editor\n");

  assert.ok(running);
  end({ ...running, stopped: 12, started: 13, served: 85, outcome: "served" }, app);
  await button(/app running: stopped 12 ms → started 13 ms → served 85 ms/).waitFor({ timeout: 10_000 });
  await shot("served");
  await sleep(500);
  assert.equal(helper.asked.length, 1);
  assert.deepEqual({ ...helper.asked[0], id: "" }, { id: "", app: "app", how: "auto" });
  assert.match(helper.asked[0]?.id ?? "", /^[A-Za-z0-9-]{8,64}$/);
  await button(/^\s*app running\s*$/).waitFor({ timeout: 20_000 });
});

test("unsaved editors are told as they change, and saved when the helper is about to restart", async () => {
  const file = join(home, "work/hello.txt");
  await page.locator(".monaco-editor .view-lines").first().click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.insertText("restarted from the terminal: ");
  await until("the helper knows", async () => helper.editors.at(-1)?.unsaved === 1);
  helper.say({ type: "save", save: { id: "save-request-1" } });
  await until("it has been answered", async () => helper.editors.at(-1)?.saved === "save-request-1");
  assert.deepEqual(
    { ...helper.editors.at(-1), window: "" },
    { window: "", unsaved: 0, untitled: 0, saved: "save-request-1" },
  );
  assert.match(await readFile(file, "utf8"), /^restarted from the terminal: typed and not saved/);
  // A file without a name can't be saved without a question; there is none.
  await page.keyboard.press("F1");
  await page.keyboard.type("File: New Untitled Text File");
  await page.locator(".quick-input-list .monaco-list-row", { hasText: "New Untitled Text File" }).first().click();
  await page.locator(".tab", { hasText: "Untitled-1" }).waitFor();
  await page.locator(".editor-instance .view-lines").first().click();
  await page.keyboard.insertText("a note");
  await until("the helper knows", async () => helper.editors.at(-1)?.untitled === 1);
  helper.say({ type: "save", save: { id: "save-request-2" } });
  await until("it has been answered", async () => helper.editors.at(-1)?.saved === "save-request-2");
  assert.equal(helper.editors.at(-1)?.untitled, 1);
  assert.equal(await page.locator(".monaco-dialog-box:visible").count(), 0);
});

test("the key asks too; a crash is told with its reason, and the log is at hand", { timeout: 60_000 }, async () => {
  helper.onRestart = ({ id = "" }) => {
    const crashed: AppStatus = { ...app, phase: "crashed", lastExit: { code: 7, signal: null } };
    const record = restartRecord(id);
    end({ ...record, stopped: 12, outcome: "crashed", message: "it ended with exit code 7" }, crashed);
    helper.say({ type: "log", line: { seq: 101, app: "app", text: "\u001B[31mSyntaxError: of the test\u001B[0m" } });
    return { id, app: "app", how: "process" };
  };
  await page.keyboard.press("Control+Shift+F8");
  const told = page.locator(".notification-toast", { hasText: "process restart crashed: it ended with exit code 7" });
  await told.waitFor({ timeout: 10_000 });
  await button(/app crashed \(exit code 7\)/).waitFor({ timeout: 10_000 });
  assert.equal(helper.asked.length, 2);
  await told.getByRole("button", { name: "Show Log" }).click();
  const log = page.locator(".panel .view-lines");
  await log.getByText("SyntaxError: of the test").waitFor({ timeout: 10_000 });
  const text = (await log.innerText()).replaceAll("\u00A0", " ");
  assert.match(
    text,
    /listening on 8080[\s\S]*crashed[\s\S]*SyntaxError|listening on 8080[\s\S]*SyntaxError[\s\S]*crashed/,
  );
  assert.doesNotMatch(text, /\[31m/);
  await shot("crashed");
});

test("a crash that nobody asked for here is told too, once, and the log is at hand", { timeout: 30_000 }, async () => {
  const crashed: AppStatus = { ...app, phase: "crashed", lastExit: { code: null, signal: "SIGSEGV" } };
  const record: RestartRecord = {
    ...restartRecord("by-itself-1"),
    origin: "itself",
    outcome: "crashed",
    message: "the app was ended by SIGSEGV; it starts again at the next restart",
    exit: { code: null, signal: "SIGSEGV" },
  };
  for (let i = 0; i < 2; i++) end(record, crashed);
  const told = page.locator(".notification-toast", { hasText: "crashed: the app was ended by SIGSEGV" });
  await told.first().waitFor({ timeout: 10_000 });
  await button(/app crashed \(SIGSEGV\)/).waitFor();
  assert.equal(await told.count(), 1);
  await told.getByRole("button", { name: "Show Log" }).click();
});

test("a refusal is told with its fix", { timeout: 30_000 }, async () => {
  helper.onRestart = () => ({ code: "INPOD_TEST_REFUSED", title: "the door is shut", fix: "open the door" });
  await button(/app crashed/).click();
  await page.locator(".notification-toast", { hasText: "the door is shut. Fix: open the door" }).waitFor();
});

test("several apps have a button each, with their names", { timeout: 30_000 }, async () => {
  helper.onRestart = ({ id = "" }) => {
    helper.records.set(id, { ...restartRecord(id), app: "worker", served: 5, outcome: "served" });
    return { id, app: "worker", how: "process" };
  };
  tell({ ...app, name: "web" }, { ...app, name: "worker", phase: "down" });
  await button(/web running/).waitFor();
  await button(/worker down/).click();
  await until("it is asked for", async () => helper.asked.at(-1)?.app === "worker");
  tell(app);
  await button(/^\s*app running\s*$/).waitFor({ timeout: 20_000 });
  assert.equal(await page.locator(".statusbar-item", { hasText: /worker|web running/ }).count(), 0);
});

test("a helper that goes away and comes back is found again", { timeout: 60_000 }, async () => {
  await helper.close();
  await button(/inpod reconnecting/).waitFor({ timeout: 10_000 });
  const told = helper.dirtyFiles.length;
  assert.ok(told > 0);
  helper = await openSpokenHelper(join(home, "run/api.sock"), status);
  await button(/^\s*app running\s*$/).waitFor({ timeout: 20_000 });
  await until("the new helper has the count", async () => helper.dirtyFiles.length > 0);
});

test("the page opens on the IDE's own origin", { timeout: 60_000 }, async () => {
  const opened = context.waitForEvent("page", { timeout: 20_000 });
  await page.keyboard.press("F1");
  await page.keyboard.type("inpod: Open page");
  await page.locator(".quick-input-list .monaco-list-row", { hasText: "inpod: Open page" }).first().waitFor();
  await page.keyboard.press("Enter");
  const other = await opened;
  await other.waitForLoadState();
  assert.equal(other.url(), `${ide.origin}/-/`);
  await other.close();
});

test("no other command of VS Code has the key", { timeout: 60_000 }, async () => {
  page.setDefaultTimeout(12_000);
  await page.keyboard.press("F1");
  await page.keyboard.type("Preferences: Open Default Keyboard Shortcuts (JSON)");
  await page.locator(".quick-input-list .monaco-list-row", { hasText: "Open Default Keyboard Shortcuts" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".tab.active", { hasText: "Default Keybindings" }).waitFor();
  await page.locator(".editor-instance .view-line", { hasText: "exitZenMode" }).first().click();
  await page.keyboard.press("Control+F");
  await page.locator(".find-widget textarea").first().fill('"ctrl+shift+f8"');
  await page.locator(".find-widget .matchesCount", { hasText: /^1 of 1$|^\? of 1$/ }).waitFor();
  await page.locator(".editor-instance .view-line", { hasText: "inpod.restartApp" }).waitFor();
});

test("no user file was written", async () => {
  assert.equal(await readFile(join(home, ".local/share/code-server/User/settings.json"), "utf8"), userSettings);
});

function restartRecord(id: string): RestartRecord {
  const askedAt = new Date().toISOString();
  return { id, app: "app", how: "process", origin: "request", askedAt, asked: 0 };
}

function tell(...apps: AppStatus[]): void {
  helper.status = { ...status, app: apps, source: { dirtyFiles: helper.dirtyFiles.at(-1) ?? null } };
  helper.say({ type: "status", status: helper.status });
}

function end(record: RestartRecord, now: AppStatus): void {
  helper.records.set(record.id, record);
  helper.say({ type: "restart", restart: record });
  tell(now);
}

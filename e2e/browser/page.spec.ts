import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { AppStatus, RestartRecord, Status } from "../../sidecar/protocol/index.ts";
import { buildWebUi } from "../../web-ui/build.ts";
import { createFakeHelper, type FakeHelper } from "../../web-ui/fake-helper.ts";
import { launchChromium } from "../browser.ts";
import { screenshotFolder } from "../screenshots.ts";

// The page at /-/ and the login page in a real browser, under the strict policy, in front of a helper that plays a part.

const app: AppStatus = {
  name: "app",
  phase: "running",
  generation: 3,
  pid: 4711,
  port: 8080,
  servedAt: new Date(Date.now() - 184_000).toISOString(),
  how: "process",
  restarts: { process: 2, container: 0 },
  backoff: { waitSeconds: 0 },
};
const status: Status = {
  version: "0.1.0",
  release: "hello",
  mode: "sidecar",
  app: [app],
  ide: { phase: "running" },
  source: { dirtyFiles: 3, durable: false },
};
const record = (id: string, more: Partial<RestartRecord>): RestartRecord => ({
  id,
  app: "app",
  how: "process",
  origin: "request",
  askedAt: new Date(Date.now() - 60_000).toISOString(),
  asked: 0,
  ...more,
});
const servedOne = record("served", { stopped: 4, started: 5, served: 41, outcome: "served" });

let dist: string;
let browser: Browser;
before(async () => {
  dist = await mkdtemp(join(tmpdir(), "web-ui-"));
  await buildWebUi({ outdir: dist });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await rm(dist, { recursive: true, force: true });
});

let helper: FakeHelper;
let page: Page;
let problems: string[];
async function open(t: TestContext, path: string, options: BrowserContextOptions = {}, base = ""): Promise<void> {
  helper = await createFakeHelper({ dist, status, base });
  t.after(() => helper.close());
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => page.close());
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (/content security policy|trusted/i.test(message.text())) problems.push(message.text());
  });
  await page.goto(`${helper.origin}${base}${path}`);
}
beforeEach(() => {
  problems = [];
});
function leave(): void {
  assert.deepEqual(problems, [], "no script error, nothing against the policy");
}
const row = (index = 0) => page.locator(".rows .row").nth(index);
const seen = (text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: 5000 });

test("the first load stays small", async () => {
  const assets = await readdir(join(dist, "assets"));
  const sizes = await Promise.all(
    assets.map(async (name) => gzipSync(await readFile(join(dist, "assets", name))).length),
  );
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 25 * 1024, `${sizes.join(" + ")} bytes compressed`);
});

test("with nothing restarted yet the page says what runs and what to do", { timeout: 30_000 }, async (t) => {
  await open(t, "/-/");
  await seen("running");
  await seen(/for 3 min, since \d\d:\d\d:\d\d · port 8080 · pid 4711 · 2 restarts/);
  await seen(/No restart yet: type/);
  await seen(/3 files are changed and not committed\. The source lives and dies with this pod/);
  assert.equal(await page.title(), "app running · hello · inpod");
  assert.equal(await page.getByRole("link", { name: "Open the IDE" }).getAttribute("href"), "/");
  leave();
});

test(
  "an app without the supervisor: the page says where its log is, and the kubelet's wait beforehand",
  { timeout: 30_000 },
  async (t) => {
    await open(t, "/-/");
    helper.setApp({ how: "container", backoff: { waitSeconds: 80 } });
    await seen("kubectl logs -f -c app -l inpod.dev/workspace=hello");
    await seen(/The kubelet would now wait 80 s/);
    leave();
  },
);

test(
  "r restarts; each step is drawn and named while it lasts, and the end is told with the closed port",
  { timeout: 30_000 },
  async (t) => {
    await open(t, "/-/", { colorScheme: "dark" });
    await seen("running");
    await page.keyboard.press("r");
    await waitUntil(() => helper.asked.length === 1);
    assert.equal((helper.asked[0] as { app?: string }).app, "app");

    const { outcome: _, stopped: __, started: ___, served: ____, ...asked } = servedOne;
    const steps: RestartRecord[] = [asked, { ...asked, stopped: 4 }, { ...asked, stopped: 4, started: 5 }];
    const words = [/stopping the old process/, /starting the new one/, /boots, waiting until port 8080 opens/];
    for (const [index, current] of steps.entries()) {
      helper.step(current);
      helper.setApp({ phase: "restarting", current });
      await seen(words[index] ?? "");
    }
    const width = () =>
      row()
        .locator("i.boot")
        .evaluate((piece) => piece.getBoundingClientRect().width);
    const before = await width();
    await waitUntil(async () => (await row().locator(".served").innerText()).startsWith("booting"));
    await waitUntil(async () => (await width()) !== before);
    await page.screenshot({ path: join(await screenshotFolder(), "page-restarting.png") });

    helper.step(servedOne);
    helper.setStatus({ app: [app] });
    await seen(/Last restart served in 41 ms, port closed for 37 ms/);
    assert.match(await row().innerText(), /process\s+41 ms\s+37 ms/);
    assert.equal(
      await row().getAttribute("aria-label"),
      "app: process restart: stopped after 4 ms, started after 5 ms, served after 41 ms; the port was closed for 37 ms",
    );
    await page.locator("#announce", { hasText: /app running.*served after 41 ms/ }).waitFor({ state: "attached" });
    leave();
  },
);

test(
  "all restarts are on one scale, and the exact figures come by pointing and by keyboard",
  { timeout: 30_000 },
  async (t) => {
    await open(t, "/-/");
    helper.step(record("long", { stopped: 400, started: 500, served: 800, outcome: "served" }));
    helper.step(
      record("short", {
        stopped: 100,
        started: 200,
        served: 400,
        outcome: "served",
        askedAt: new Date().toISOString(),
      }),
    );
    await row(1).waitFor();
    const bars = await page.locator(".rows .row").evaluateAll((rows) =>
      rows.map((one) =>
        [...one.querySelectorAll("i")].map((piece) => {
          const { left, width } = piece.getBoundingClientRect();
          return { kind: piece.className, left, width };
        }),
      ),
    );
    const [short = [], long = []] = bars;
    assert.deepEqual(
      short.map(({ kind }) => kind),
      ["old", "gone", "boot"],
    );
    const perMs = (long[0]?.width ?? 0) / 400;
    for (const [piece, ms] of [
      [short[0], 100],
      [short[1], 100],
      [short[2], 200],
      [long[1], 100],
      [long[2], 300],
    ] as const) {
      assert.ok(Math.abs((piece?.width ?? 0) - ms * perMs) < 1.5, `${ms} ms is ${piece?.width} px at ${perMs} px/ms`);
    }
    await row(1).hover();
    await seen("served after 800 ms, port closed for 400 ms");
    await row(0).focus();
    await seen("served after 400 ms, port closed for 300 ms");
    await page.keyboard.press("ArrowDown");
    await seen("served after 800 ms, port closed for 400 ms");
    leave();
  },
);

test(
  "a crash is told in words with the app's last lines; timed out and refused with their reason",
  { timeout: 30_000 },
  async (t) => {
    await open(t, "/-/");
    helper.step(record("a", { outcome: "refused", message: "a checkout is under way" }));
    helper.step(record("b", { outcome: "timeout", how: "container", message: "no probe took the request" }));
    helper.step(
      record("c", {
        askedAt: new Date().toISOString(),
        stopped: 4,
        started: 5,
        outcome: "crashed",
        exit: { code: 1, signal: null },
        message: "the process exited",
        log: ["ReferenceError: procces is not defined"],
      }),
    );
    helper.setApp({ phase: "crashed", lastExit: { code: 1, signal: null } });
    for (const text of ["crashed, exit code 1", "ReferenceError: procces is not defined", "timed out", "refused"]) {
      await seen(text);
    }
    await seen("no probe took the request");
    await seen("a checkout is under way");
    await page.screenshot({ path: join(await screenshotFolder(), "page-crashed.png") });
    leave();
  },
);

test("a request that joins a restart is told so; a refused one with its fix", { timeout: 30_000 }, async (t) => {
  await open(t, "/-/");
  helper.answerRestart({ status: 202, body: { id: "x", app: "app", how: "process", merged: "y" } });
  await page.getByRole("button", { name: /Restart app/ }).click();
  await seen("A restart of app is under way: this request joined it.");
  const error = { code: "INPOD_X_Y", title: "not now", detail: "the build failed", fix: "mend it" };
  helper.answerRestart({ status: 409, body: error });
  await page.getByRole("button", { name: "Restart container" }).click();
  await seen("not now: the build failed (mend it)");
  assert.equal((helper.asked[1] as { how?: string }).how, "container");
  leave();
});

test(
  "the log keeps colours, marks restarts, shows markup as text, can be paused and searched",
  { timeout: 30_000 },
  async (t) => {
    await open(t, "/-/");
    helper.say("\u001b[31mred\u001b[0m plain", "── restart 7 ──", "<img src=x onerror=alert(1)>");
    await seen("── restart 7 ──");
    assert.equal(await page.locator(".lines .marker").innerText(), "── restart 7 ──");
    assert.equal(await page.locator(".lines .fg1").innerText(), "red");
    assert.equal(await page.locator(".lines img").count(), 0);
    await seen("<img src=x onerror=alert(1)>");

    const lines = page.locator(".lines");
    const atEnd = () => lines.evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight < 8);
    helper.say(...Array.from({ length: 200 }, (_, i) => `line ${i}`));
    await seen("line 199");
    assert.equal(await atEnd(), true);
    await page.keyboard.press("f");
    helper.say("after the pause");
    await seen("Follow (1 new)");
    await page.keyboard.press("f");
    assert.equal(await atEnd(), true);
    await page.keyboard.press("/");
    await page.keyboard.type("LINE 19");
    await seen("11 lines");
    assert.equal(helper.asked.length, 0, "a letter typed into the filter is no key");
    await page.keyboard.press("Escape");
    leave();
  },
);

test("a lost connection is said, and everything is fetched anew when it is back", { timeout: 30_000 }, async (t) => {
  await open(t, "/-/");
  await seen("live");
  helper.drop(true);
  await seen(/Connection to the helper lost at .*trying again/);
  helper.setRestarts([servedOne]);
  helper.drop(false);
  await seen(/Last restart served in 41 ms/);
  assert.equal(await page.locator(".lost").isVisible(), false);
  leave();
});

test("a session that ended leads to the login, and back here", { timeout: 30_000 }, async (t) => {
  await open(t, "/-/");
  await seen("live");
  helper.setLoggedIn(false);
  helper.drop(false);
  await page.waitForURL(/\/-\/login\?to=%2F-%2F$/);
  await page.getByLabel("Password", { exact: true }).fill(helper.password);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/-\/$/);
  await seen("running");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(/\/-\/login/);
  leave();
});

test(
  "a wrong password is a sentence, and too many of them a wait that is counted down",
  { timeout: 30_000 },
  async (t) => {
    await open(t, "/-/");
    helper.setLoggedIn(false);
    await page.goto(`${helper.origin}/-/login`);
    const field = page.getByLabel("Password", { exact: true });
    const enter = page.getByRole("button", { name: "Log in" });
    for (let i = 0; i < 3; i++) {
      await field.fill(`wrong ${i}`);
      await page.keyboard.press("Enter");
      await seen("That isn't the password. The chart's notes tell how to read it from its Secret.");
      await enter.waitFor();
    }
    await field.fill("wrong again");
    await page.keyboard.press("Enter");
    await seen("Wait 1 s");
    await seen(/Too many wrong passwords/);
    await enter.waitFor();
    await field.fill(helper.password);
    await enter.click();
    await seen("the IDE");
    leave();
  },
);

test(
  "a link with a token logs in by itself; a used one says so and leaves the password",
  { timeout: 30_000 },
  async (t) => {
    await open(t, "/-/");
    helper.setLoggedIn(false);
    await page.goto(`${helper.origin}/-/login?token=${helper.token}`);
    await seen("the IDE");
    helper.setLoggedIn(false);
    await page.goto(`${helper.origin}/-/login?token=used`);
    await seen(/This login link has been used/);
    assert.equal(new URL(page.url()).search, "", "the token doesn't stay in the history");
    await page.getByLabel("Password", { exact: true }).waitFor();
    leave();
  },
);

test("a login leads nowhere else than into this workspace", { timeout: 30_000 }, async (t) => {
  await open(t, "/-/");
  await page.goto(`${helper.origin}/-/login?to=//evil.example/`);
  await seen("the IDE");
  assert.equal(page.url(), `${helper.origin}/`);
  leave();
});

test("below a path prefix every link and call keeps it", { timeout: 30_000 }, async (t) => {
  await open(t, "/-/", {}, "/a/b");
  await seen("live");
  await seen("running");
  assert.equal(await page.getByRole("link", { name: "Open the IDE" }).getAttribute("href"), "/a/b/");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(/\/a\/b\/-\/login\?to=%2Fa%2Fb%2F-%2F$/);
  await page.getByLabel("Password", { exact: true }).fill(helper.password);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/a\/b\/-\/$/);
  leave();
});

test("on a phone nothing is wider than the screen", { timeout: 30_000 }, async (t) => {
  await open(t, "/-/", { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  helper.step(servedOne);
  helper.say("a line that is very long ".repeat(20));
  await row().waitFor();
  await seen(/a line that is very long/);
  const [content, screen] = await page
    .locator("html")
    .evaluate((root) => [root.scrollWidth, root.clientWidth] as const);
  assert.equal(content, screen);
  leave();
});

async function waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("waited 5 s in vain");
}

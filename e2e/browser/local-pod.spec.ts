import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { firstFreePort } from "../../sidecar/local-pod/ports.ts";
import { launchChromium } from "../browser.ts";
import { idePage } from "../ide-page.ts";
import { screenshotFolder } from "../screenshots.ts";
import { until } from "../wait.ts";

// `npm start` as its last lines say to try it.

let home: string;
let pod: ChildProcess;
let said = "";
let browser: Browser;
let page: Page;
const found = (pattern: RegExp) => pattern.exec(said)?.[1] ?? "";

before(async () => {
  home = await mkdtemp(join(tmpdir(), "pod-"));
  const port = await firstFreePort(17_600, "the test", "");
  const main = fileURLToPath(new URL("../../sidecar/local-pod/main.ts", import.meta.url));
  pod = spawn(process.execPath, [main, "--port", String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, INPOD_HOME: home },
  });
  pod.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
  await until("it is up", async () => said.includes("Ctrl-C") || pod.exitCode !== null, { seconds: 300 });
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1400, height: 860 } });
});
after(async () => {
  await page?.screenshot({ path: join(await screenshotFolder(), "local-pod.png") });
  await browser?.close();
  const ended = new Promise((resolve) => pod.once("exit", resolve));
  if (pod.kill("SIGINT")) await ended;
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

test(
  "the link opens the IDE; edit, restart app in its terminal, and the service answers the change",
  { timeout: 240_000 },
  async () => {
    const app = found(/the service +(http:\S+)/);
    const answer = async () => (await fetch(app)).text();
    assert.match(await answer(), /Hello from the pod/);
    await page.goto(found(/IDE +(http:\S+)/));
    const ide = idePage(page);
    await ide.ready();
    // Its extensions are up by now, and the search for files with them.
    await ide.statusBar(/app running/);
    assert.doesNotMatch(page.url(), /token/, "the token doesn't stay in the address");
    await ide.openFile("server.js");
    await ide.replaceAndSave("Hello from the pod", "Hello from my machine");
    await ide.typeInTerminal("restart app");
    await until("the change is served", async () => (await answer()).includes("Hello from my machine"), {
      seconds: 30,
    });
  },
);

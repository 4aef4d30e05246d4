import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";
import { runCommand } from "../sidecar/code-server/command.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** No traffic of the browser's own: tests run where there is no network, and count what goes over it. */
const quiet = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The Chromium that browser tests run: INPOD_CHROMIUM, else an installed one, else Playwright's own; undefined without any. */
export async function findChromium(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = [
    ...(env["INPOD_CHROMIUM"] === undefined ? [] : [env["INPOD_CHROMIUM"]]),
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
    chromium.executablePath(),
  ];
  for (const file of candidates) {
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

/** A headless Chromium; the sandbox is off where the user is root, for whom it doesn't work. */
export async function launchChromium(options: LaunchOptions = {}): Promise<Browser> {
  const executablePath = options.executablePath ?? (await findChromium());
  if (executablePath === undefined)
    throw new Error("no Chromium: install one, or `npx playwright-core install chromium`");
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    headless: true,
    chromiumSandbox: !isRoot,
    ...options,
    executablePath,
    args: [...quiet, ...(isRoot ? ["--no-sandbox"] : []), ...(options.args ?? [])],
  });
}

/** Playwright's own Chromium, for a machine without one; its file. Needs no root, but the libraries of a desktop. */
export async function installChromium(root: string, progress: (line: string) => void): Promise<string> {
  progress("installing Playwright's Chromium");
  const { code, output } = await runCommand(
    process.execPath,
    [join(root, "node_modules/playwright-core/cli.js"), "install", "chromium"],
    {},
  );
  const file = chromium.executablePath();
  if (code === 0 && (await isExecutable(file))) return file;
  throw new Error(
    `there is no Chromium, and Playwright's could not be installed:\n${output.trim().split("\n").slice(-8).join("\n")}`,
  );
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

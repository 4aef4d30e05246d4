import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chart, render } from "../../charts/render.ts";
import { buildKit } from "../../restart-controller/native/build.ts";
import type { Bench } from "./bench.ts";
import { prepareApps, type BoosterApp } from "./booster-apps.ts";
import { firstAnswer } from "./first-answer.ts";
import { rowOf } from "./row.ts";

/**
 * What the boot boosters of the chart gain: an app's boot, from the supervisor's start to the first answer, with what the
 * chart tells the supervisor and without it, in turns. On this machine: no cluster has a part in it.
 */
export async function boostersSuite(bench: Bench): Promise<void> {
  const kit = await buildKit();
  const { apps, missing, close } = await prepareApps();
  try {
    for (const why of missing) bench.progress(`no row: ${why}`);
    for (const app of apps) await measure(kit, app, bench);
  } finally {
    await close();
  }
}

async function measure(kit: string, app: BoosterApp, bench: Bench): Promise<void> {
  bench.progress(`${bench.samples} × 2 boots of ${app.what}`);
  const cache = await mkdtemp(join(tmpdir(), "inpod-booster-cache-"));
  try {
    const plain = [kit, "supervise", "--"];
    const boosted = [kit, "supervise", ...(await boostersOfChart(app.name, cache)), "--"];
    await fill(boosted, app, cache);
    const times = { without: [] as number[], with: [] as number[] };
    for (let i = 0; i < bench.samples; i++) {
      times.without.push(await boot(plain, app));
      times.with.push(await boot(boosted, app));
    }
    const ratios = times.with.map((ms, i) => ms / (times.without[i] ?? Number.NaN));
    await bench.report(rowOf(`boost.${app.name}.ratio`, "ratio", ratios));
    await bench.report(rowOf(`boost.${app.name}.without`, "ms", times.without));
    await bench.report(rowOf(`boost.${app.name}.with`, "ms", times.with));
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

/** The supervisor's options as the chart renders them for this booster alone, on folders of this machine. */
async function boostersOfChart(name: BoosterApp["name"], cache: string): Promise<string[]> {
  const only = { node: false, python: false, java: false, [name]: true };
  const { objects } = await render({
    app: { image: "registry.example/app:1", sourcePath: "/app", command: ["app"] },
    restart: { boosters: only },
    auth: { mode: "none" },
  });
  const template = objects.find(({ kind }) => kind === "StatefulSet")?.spec?.["template"] as {
    readonly spec: { readonly containers: readonly { readonly command?: readonly string[] }[] };
  };
  const command = template.spec.containers[0]?.command ?? [];
  return command
    .flatMap((word, at) => (word === "--default-env" ? [word, command[at + 1] ?? ""] : []))
    .map((word) => word.replaceAll("/inpod/cache", cache).replaceAll("/inpod/boosters", join(chart, "files")));
}

/** Boots until the cache has been written: by a boot, a while after it, or at its end. */
async function fill(before: readonly string[], app: BoosterApp, cache: string): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await boot(before, app, 3000);
    if ((await readdir(cache)).length > 0) return;
  }
  throw new Error(`nothing was written into the cache of ${app.what}`);
}

/** Milliseconds until its first answer; it is ended after another `upMs`. */
async function boot(before: readonly string[], app: BoosterApp, upMs = 0): Promise<number> {
  const port = await freePort();
  const [program = "", ...args] = [...before, ...app.command];
  const env = { PATH: process.env["PATH"], ...app.env, PORT: String(port) };
  const began = performance.now();
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "ignore"] });
  const ended = once(child, "exit");
  try {
    const answered = await firstAnswer(`http://127.0.0.1:${port}/`, () => true);
    await sleep(upMs);
    return answered - began;
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

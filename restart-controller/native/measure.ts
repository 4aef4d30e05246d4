/**
 * What a restart costs: `node measure.ts [--count 200] [--idle 10]` prints one JSON object. Times in milliseconds.
 *
 * `overhead` is a restart (line written into the FIFO → first answer of the new pid) less the app's own start (fork → first
 * answer, its median in the same run); the app is a static program that starts in well under a millisecond.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { buildKit } from "./build.ts";
import { buildFixture } from "./fixtures/build.ts";

const GRACE_MS = 300;
const TURN = 20;

const { values } = parseArgs({
  options: { count: { type: "string", default: "200" }, idle: { type: "string", default: "10" } },
});
const [kit, app, clock] = [await buildKit(), await buildFixture("static-app"), await buildFixture("restart-clock")];
const directory = await mkdtemp(join(tmpdir(), "kit-measure-"));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

const round = (ms: number) => Math.round(ms * 100) / 100;

/** Of `restart-clock`'s microseconds, one a line, each less `minus` milliseconds. */
function figures(microseconds: string, minus = 0) {
  const sorted = microseconds
    .trim()
    .split("\n")
    .map((text) => Number(text) / 1000 - minus)
    .sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN);
  return { median: at(0.5), p95: at(0.95), max: at(1) };
}

async function statusOf(pid: number, line: string): Promise<number> {
  return Number(new RegExp(`^${line}:\\s+(\\d+)`, "m").exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);
}

interface Supervised {
  pid: number;
  /** Writes the line `count` times, each time waits for the answer of a new pid; the microseconds they took. */
  ask: (line: string, count: number) => string;
}

async function supervised<T>(appArgs: readonly string[], use: (run: Supervised) => Promise<T> | T): Promise<T> {
  const port = await freePort();
  const dir = join(directory, String(port));
  const kitArgs = ["supervise", "--dir", dir, "--grace", `${GRACE_MS}ms`];
  const kit_ = spawn(kit, [...kitArgs, "--", app, String(port), ...appArgs], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    execFileSync(clock, [String(port)]); // returns when it answers
    return await use({
      pid: kit_.pid ?? 0,
      ask: (line, count) =>
        execFileSync(clock, [String(port), String(count), "control", join(dir, "control"), line], { encoding: "utf8" }),
    });
  } finally {
    kit_.kill("SIGKILL");
    await once(kit_, "close");
  }
}

async function idle(pid: number, seconds: number) {
  const before = await statusOf(pid, "voluntary_ctxt_switches");
  await sleep(seconds * 1000);
  return {
    wakeups: (await statusOf(pid, "voluntary_ctxt_switches")) - before,
    seconds,
    rssKilobytes: await statusOf(pid, "VmRSS"),
  };
}

async function measure(count: number, idleSeconds: number) {
  const port = String(await freePort());
  const starts: string[] = [];
  const restarts: string[] = [];
  const [plain, quiet] = await supervised([], async ({ pid, ask }) => {
    // In turns, so that whatever else the machine does meets both.
    for (let done = 0; done < count; done += TURN) {
      starts.push(execFileSync(clock, [port, String(TURN), "spawn", app, port], { encoding: "utf8" }));
      restarts.push(ask("restart", TURN));
    }
    const start = figures(starts.join(""));
    const restart = figures(restarts.join(""));
    const overhead = figures(restarts.join(""), start.median);
    return [{ appStart: start, restart, overhead }, await idle(pid, idleSeconds)];
  });
  const few = Math.min(20, count);
  const stubborn = await supervised(["stubborn"], ({ ask }) => ({
    stubbornBeyondGrace: figures(ask("restart", few), GRACE_MS),
    stubbornNow: figures(ask("restart now", few)),
  }));
  return { ...plain, ...stubborn, idle: quiet, binaryBytes: (await stat(kit)).size };
}

try {
  process.stdout.write(`${JSON.stringify(await measure(Number(values.count), Number(values.idle)), null, 2)}\n`);
} finally {
  await rm(directory, { recursive: true, force: true });
}

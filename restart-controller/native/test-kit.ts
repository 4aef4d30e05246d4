/** What the kit's tests share: both builds, directories that go away, processes that never outlive a test. */
import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { buildKit } from "./build.ts";

export { sleep };

/** Every test runs on both: what ships, and the one that dies at the first wrong byte. */
export const builds = [
  { build: "release", kit: await buildKit() },
  { build: "sanitized", kit: await buildKit({ sanitize: true }) },
] as const;

const endings = new WeakMap<TestContext, (() => unknown)[]>();

/** What is begun last is ended first: processes before the directories that they write to. */
export function atEnd(t: TestContext, end: () => unknown): void {
  const known = endings.get(t);
  if (known !== undefined) {
    known.push(end);
    return;
  }
  const ends = [end];
  endings.set(t, ends);
  t.after(async () => {
    for (const next of ends.toReversed()) await next();
  });
}

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "kit-test-"));
  atEnd(t, () => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

export interface Running {
  process: ChildProcess;
  pid: number;
  out: () => string;
  err: () => string;
  /** Exit code, or the signal's name. */
  ended: Promise<number | string>;
}

/** Starts the kit (or any program); it and all that it started is killed with -9 when the test ends. */
export function start(t: TestContext, program: string, args: readonly string[], options: SpawnOptions = {}): Running {
  // Leaks of a process that ends are nobody's loss, and looking for them needs ptrace.
  const env = { ...globalThis.process.env, ASAN_OPTIONS: "detect_leaks=0" };
  const process = spawn(program, args, { stdio: "pipe", env, ...options });
  let out = "";
  let err = "";
  process.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  process.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  process.stdin?.on("error", () => {});
  const ended = once(process, "close").then(([code, signal]: unknown[]) =>
    typeof code === "number" ? code : String(signal),
  );
  atEnd(t, async () => {
    // Before the kit itself: its children would be anybody's afterwards.
    for (const pid of await descendants(process.pid ?? 0)) killIfThere(pid);
    process.kill("SIGKILL");
    process.stdout?.destroy();
    process.stderr?.destroy();
    await ended;
    if (/AddressSanitizer|runtime error/.test(err)) throw new Error(err);
  });
  return { process, pid: process.pid ?? 0, out: () => out, err: () => err, ended };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended between the look and the kill.
  }
}

/** Runs to the end. */
export async function run(
  t: TestContext,
  program: string,
  args: readonly string[],
  options: SpawnOptions & { input?: string } = {},
) {
  const { input, ...rest } = options;
  const running = start(t, program, args, rest);
  running.process.stdin?.end(input ?? "");
  const code = await running.ended;
  return { code, out: running.out(), err: running.err() };
}

/** Waits until `look` gives anything but undefined, null, false or an empty text. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  milliseconds = 10_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false && seen !== "") return seen;
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await sleep(10);
  }
}

export const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export async function children(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

async function descendants(pid: number): Promise<number[]> {
  const own = await children(pid);
  return [...own, ...(await Promise.all(own.map(descendants))).flat()];
}

/** "R", "S", "T", "Z", ... or undefined when there is no such process. */
export async function processState(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2)[0];
}

export async function residentKilobytes(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** A TCP connection that can be written to as badly as the test likes. */
export async function open(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  atEnd(t, () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Sends the bytes and collects the answer until the other side closes. */
export function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
    socket.on("end", () => resolve(answer));
    socket.on("error", (error) => (answer === "" ? reject(error) : resolve(answer)));
    socket.on("close", () => resolve(answer));
  });
}

/** GET as the kubelet does it; `agent` for anybody else. */
export async function get(
  port: number,
  path: string,
  agent = "kube-probe/1.35",
): Promise<{ status: number; body: string }> {
  const answer = await exchange(
    port,
    `GET ${path} HTTP/1.1\r\nHost: 10.0.0.1:${port}\r\nUser-Agent: ${agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
  );
  const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]), body: body.trimEnd() };
}

/** What the tests of `kit supervise` share: one that runs, what it says of itself, and how to ask it. */
import { constants } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SpawnOptions } from "node:child_process";
import type { TestContext } from "node:test";
import { exists, start, temporaryDirectory, until } from "./test-kit.ts";

export interface State {
  v: 1;
  generation: number;
  pid: number;
  phase: "running" | "stopping" | "crashed" | "stopped";
  startedAt: string;
  lastExit: { code: number | null; signal: string | null; at: string } | null;
  lastRequest: string | null;
  crashes: number;
  ignored: number;
  held: number[];
  readyAt: string | null;
  lastRestart: { id: string | null; askedAt: string; stoppedAt: string | null; startedAt: string | null } | null;
  /** With --swap-port only. */
  port?: number;
  beside?: { pid: number; port: number; phase: "waiting" | "running" | "crashed"; exit: number | null } | null;
  retiring?: boolean;
}

export const SLEEP = ["sleep", "1000"];
export const shell = (script: string) => ["/bin/sh", "-c", script];

/** Starts the kit with a control directory of its own, and waits until the app runs. */
export async function supervise(
  t: TestContext,
  kit: string,
  app: readonly string[],
  options: readonly string[] = [],
  spawnOptions: SpawnOptions = {},
  directory?: string,
  /** Between the program and the call's name: the kit's path, where the program is an emulator. */
  before: readonly string[] = [],
) {
  const dir = directory ?? join(await temporaryDirectory(t), "app");
  const running = start(t, kit, [...before, "supervise", "--dir", dir, ...options, "--", ...app], spawnOptions);
  // Whatever a test has put there: to open a FIFO would wait for its writer.
  const read = (name: string) =>
    readFile(join(dir, name), { encoding: "utf8", flag: constants.O_RDONLY | constants.O_NONBLOCK });
  const state = async (): Promise<State> => JSON.parse(await read("state.json"));
  const when = (what: string, test: (state: State) => boolean) =>
    until(what, async () => {
      const now = await state().catch(() => undefined);
      return now !== undefined && test(now) ? now : undefined;
    });
  const ask = async (line: string) => appendFile(join(dir, "control"), `${line}\n`);
  await when("running", ({ phase, pid }) => phase !== "running" || exists(pid));
  return { ...running, dir, state, when, ask, log: () => read("log") };
}

export const generation = (n: number) => (state: State) => state.generation === n && state.phase === "running";
export const phase = (name: State["phase"]) => (state: State) => state.phase === name;

import { randomUUID } from "node:crypto";
import { ExitCode, giveUpAt, type Outcome, type RestartRecord } from "../protocol/index.ts";
import type { ApiClient } from "./api-client.ts";
import { durationText } from "./duration.ts";
import { CliError } from "./errors.ts";
import type { Io } from "./io.ts";
import { restartText } from "./restart-text.ts";

export interface RestartFlags {
  readonly container?: true;
  readonly process?: true;
  readonly now?: true;
  readonly ready?: true;
  readonly force?: true;
  readonly timeout: number;
  readonly json?: true;
  readonly to?: number;
}

const exitCodes: Readonly<Record<Outcome, ExitCode>> = {
  served: ExitCode.done,
  crashed: ExitCode.failed,
  timeout: ExitCode.timedOut,
  refused: ExitCode.refused,
};

/** How much longer than the helper's own time-out the command holds on before it says that the helper is gone. */
const slack = 15_000;

/** `restart app`: asks, waits to the end, tells the split. */
export async function restartCommand(
  client: ApiClient,
  io: Io,
  app: string | undefined,
  flags: RestartFlags,
): Promise<ExitCode> {
  const accepted = await client.restart({
    id: io.requestId ?? randomUUID(),
    how: flags.container ? "container" : flags.process ? "process" : "auto",
    timeoutMs: flags.timeout,
    ...(app === undefined ? {} : { app }),
    ...(flags.now ? { now: true } : {}),
    ...(flags.ready ? { ready: true } : {}),
    ...(flags.force ? { force: true } : {}),
    ...(flags.to === undefined ? {} : { to: flags.to }),
  });
  if (accepted.merged !== undefined) io.say(`a restart is under way (${accepted.merged}): this request joins it\n`);
  else io.say(`${accepted.app}: ${accepted.how} restart asked\n`);
  if (accepted.note !== undefined) io.say(`  ${accepted.note}\n`);

  const id = accepted.merged ?? accepted.id;
  const record = await waitForEnd(client, io, id, flags.timeout + slack).catch(async (error: unknown) => {
    // Ctrl-C: a build that nobody waits for any more is ended; a restart that has begun goes on.
    if (io.stop.aborted && accepted.merged === undefined) await client.cancel(id).catch(() => {});
    throw error;
  });
  if (flags.json) {
    io.out(`${JSON.stringify({ ...record, ...(accepted.merged === undefined ? {} : { merged: accepted.merged }) })}\n`);
  } else {
    io.out(`${restartText(record)}\n`);
    for (const line of aboutSource(record)) io.say(`  ${line}\n`);
    if (record.outcome !== "served" && record.log !== undefined && record.log.length > 0) {
      io.say(`last lines of ${record.app}:\n${record.log.map((line) => `  ${line}\n`).join("")}`);
    }
  }
  if (record.others !== undefined || (record.outcome !== "served" && record.build?.ok !== false))
    await tellOwners(client, io, record);
  // The build's failure is the program's, not a refusal of ours.
  if (record.build?.ok === false) return ExitCode.failed;
  return exitCodes[record.outcome ?? "timeout"];
}

/** What the build said, and which files were brought back. */
function aboutSource({ build, ran }: RestartRecord): string[] {
  const lines = build?.ok === false ? (build.log ?? []) : [];
  if (ran?.to === undefined) return [...lines];
  return [...lines, `the files of restart ${ran.to} are back; those before: restart --to ${ran.undo}`];
}

/** `npm start` in the terminal has the pod's ports too. */
async function tellOwners(client: ApiClient, io: Io, { app, others }: RestartRecord): Promise<void> {
  const { port } = (await client.status()).app.find(({ name }) => name === app) ?? {};
  if (port === undefined) return;
  if (others !== undefined) io.say(`somebody else listens on port ${port} too, and may take its connections\n`);
  await io.nameOwners(port);
}

async function waitForEnd(client: ApiClient, io: Io, id: string, timeoutMs: number): Promise<RestartRecord> {
  let asked = Date.now();
  let told = "";
  for (let giveUp = asked + timeoutMs; Date.now() < giveUp;) {
    const record = await client.findRestart(id, 1000);
    if (record.outcome !== undefined) return record;
    // A build has its own limit; the restart's time begins after it.
    if (record.build !== undefined && record.build.ok === undefined) asked = Date.now();
    giveUp = giveUpAt(asked, timeoutMs, record);
    const phase = phaseText(record);
    if (phase !== told) io.say(`  ${phase}\n`);
    told = phase;
  }
  throw new CliError({
    code: "INPOD_RESTART_UNKNOWN",
    title: `the helper has not said how restart ${id} ended in ${durationText(timeoutMs)}`,
    fix: "inpod restarts tells what it knows",
    exitCode: ExitCode.timedOut,
  });
}

function phaseText({ how, stopped, started, waitsUntil, build }: RestartRecord): string {
  if (build !== undefined && build.ok === undefined) return "building; the old process serves (Ctrl-C calls it off)";
  if (started !== undefined) return `the new process started after ${durationText(started)}; not served yet`;
  if (waitsUntil !== undefined && Date.parse(waitsUntil) > Date.now()) {
    return `waiting in back-off until ${waitsUntil.slice(11, 19)} UTC: the kubelet doesn't start the container before`;
  }
  if (stopped !== undefined) return `the old process stopped after ${durationText(stopped)}; not served yet`;
  return how === "container" ? "waiting for the kubelet's probe" : "waiting for the old process to stop";
}

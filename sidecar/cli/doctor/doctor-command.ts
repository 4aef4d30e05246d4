import { readFile } from "node:fs/promises";
import { ExitCode, pathsIn, type Status } from "../../protocol/index.ts";
import type { ApiClient } from "../api-client.ts";
import { CliError, wrongUsage } from "../errors.ts";
import type { Io } from "../io.ts";
import { nameOwners } from "../port-owner.ts";
import { fail, findingsText, warn, type Finding } from "./finding.ts";
import { judgeInotify, lookAtInotify } from "./inotify.ts";
import { lookThrough } from "./ingress.ts";
import { judgeVolume, lookAtVolume } from "./volume.ts";
import { judgeWiring, lookAtWiring } from "./wiring.ts";
import { judgeClock, judgeOwners, judgeStatus } from "./workspace.ts";

export interface DoctorFlags {
  readonly url?: string;
  readonly json?: true;
}

/** `inpod doctor`: looks at everything that restarts depend on, from inside the IDE container; exit 1 when something fails. */
export async function doctorCommand(client: ApiClient, io: Io, version: string, flags: DoctorFlags): Promise<ExitCode> {
  const url = flags.url === undefined ? undefined : addressOf(flags.url);
  const findings: Finding[] = [];
  const status = await client.status().catch((error: unknown) => {
    if (io.stop.aborted || !(error instanceof CliError)) throw error;
    findings.push(fail("helper", error.message, error.fix));
    return undefined;
  });
  if (status !== undefined) findings.push(...(await fromInside(status, io, version)));
  if (url !== undefined) findings.push(...(await lookThrough(url)));

  const failed = findings.some(({ level }) => level === "fail");
  io.out(flags.json ? `${JSON.stringify({ ok: !failed, findings })}\n` : findingsText(findings));
  return failed ? ExitCode.failed : ExitCode.done;
}

async function fromInside(status: Status, io: Io, version: string): Promise<Finding[]> {
  const home = io.env["INPOD_HOME"] ?? "/inpod";
  const paths = pathsIn(home);
  const livePort = Number(io.env["INPOD_LIVE_PORT"]);
  const findings = judgeStatus(status, { version, now: Date.now() });
  for (const app of status.app) {
    const port = Number.isInteger(livePort) && livePort > 0 ? livePort : undefined;
    findings.push(...judgeWiring(await lookAtWiring(paths, app.name, port)));
    findings.push(...judgeClock(app.name, await startedAt(paths.state(app.name)), Date.now()));
    // Without containers the app's own process is one of those beside us.
    if (app.port !== undefined && status.mode !== "local") {
      let lines = "";
      await nameOwners(home, app.port, (text) => (lines += text));
      findings.push(...judgeOwners(app, lines));
    }
  }
  const { path, durable } = status.source;
  if (path !== undefined) {
    findings.push(
      ...(await lookAtVolume(path, durable).then(judgeVolume, (error: unknown) => [
        fail("source volume", `${path} can't be looked at: ${String(error)}`, "is it mounted in the IDE container?"),
      ])),
    );
  }
  findings.push(
    await lookAtInotify(path ?? "/tmp").then(judgeInotify, (error: unknown) =>
      warn("inotify", `its limits can't be read: ${String(error)}`, "changes may be seen late"),
    ),
  );
  return findings;
}

async function startedAt(file: string): Promise<string | undefined> {
  try {
    const state: unknown = JSON.parse(await readFile(file, "utf8"));
    const at: unknown = typeof state === "object" && state !== null ? Reflect.get(state, "startedAt") : undefined;
    return typeof at === "string" ? at : undefined;
  } catch {
    return undefined;
  }
}

function addressOf(text: string): URL {
  const url = URL.parse(text.endsWith("/") ? text : `${text}/`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.username !== "") {
    throw wrongUsage(
      `"${text}" is not the address of a workspace`,
      "give it as the browser has it: https://cart.example/",
    );
  }
  return url;
}

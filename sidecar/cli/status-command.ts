import { ExitCode, type AppStatus, type Exit, type Status } from "../protocol/index.ts";
import type { ApiClient } from "./api-client.ts";
import { durationText } from "./duration.ts";
import type { Io } from "./io.ts";

/** `inpod status`: exit 1 when an app isn't running, so that scripts can ask. */
export async function statusCommand(client: ApiClient, io: Io, flags: { json?: true }): Promise<ExitCode> {
  const status = await client.status();
  io.out(flags.json ? `${JSON.stringify(status)}\n` : statusText(status));
  return status.app.every((app) => app.phase === "running" || app.phase === "restarting")
    ? ExitCode.done
    : ExitCode.failed;
}

export function statusText(status: Status): string {
  const lines = [
    `workspace ${status.release} (${status.mode}), inpod ${status.version}`,
    ...status.app.map(appText),
    `ide: ${status.ide.phase}`,
  ];
  const { agent, dirtyFiles, durable } = status.source;
  if (dirtyFiles !== null) lines.push(`source: ${dirtyFiles} file${dirtyFiles === 1 ? "" : "s"} not committed`);
  if (agent?.onSave === true)
    lines.push(`on save: ${agent.held ? "held (restart app --release)" : watchText[agent.watching ?? "none"]}`);
  if (agent?.note !== undefined) lines.push(`  ${agent.note}`);
  if (durable === false) lines.push("source: dies with the pod (emptyDir): commit and push what you want to keep");
  return `${lines.join("\n")}\n`;
}

function backoffText({ backoff: { waitSeconds, until, running } }: AppStatus): string | undefined {
  if (waitSeconds === 0) return undefined;
  const at = until === undefined ? "" : ` until ${until.slice(11, 19)} UTC`;
  return running
    ? `waiting in back-off${at}`
    : `the kubelet would wait ${waitSeconds} s before the next container restart${at === "" ? "" : `, if it is asked${at}`}`;
}
const exitText = ({ code, signal }: Exit) => (signal === null ? `exit code ${code}` : `ended by ${signal}`);

const watchText = {
  events: "a save restarts the app",
  polling: "a save restarts the app (found by polling)",
  none: "starting to watch",
} as const;

function appText(app: AppStatus): string {
  const facts = [
    app.phase === "crashed" && app.lastExit !== undefined ? exitText(app.lastExit) : undefined,
    app.port === undefined ? "no port" : `port ${app.port}`,
    app.pid === undefined ? undefined : `pid ${app.pid}`,
    app.servedAt === undefined ? undefined : `served for ${durationText(Date.now() - Date.parse(app.servedAt))}`,
    `restarts: ${app.restarts.process} process, ${app.restarts.container} container`,
    backoffText(app),
  ];
  return `${app.name}: ${app.phase}, ${facts.filter((fact) => fact !== undefined).join(", ")}`;
}

import type { AppStatus, Exit, Status } from "../../protocol/index.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** What the helper's own word tells. */
export function judgeStatus(status: Status, own: { readonly version: string; readonly now: number }): Finding[] {
  return [
    status.version === own.version
      ? ok("helper", `answers, version ${status.version}`)
      : warn(
          "helper",
          `is version ${status.version}, this command ${own.version}`,
          "give helper.image and ide.image the same version",
        ),
    judgeIde(status),
    ...status.app.flatMap((app) => judgeApp(app, own.now)),
  ];
}

function judgeIde({ ide }: Status): Finding {
  const fixDown = "kubectl logs POD -c ide; it is started again by itself";
  if (ide.phase === "down") return fail("ide", "code-server doesn't answer", fixDown);
  if (ide.phase === "starting") return warn("ide", "code-server is starting", "wait a moment");
  const windows = ide.windows ?? 0;
  return windows === 0
    ? warn(
        "ide",
        "code-server runs; no window's extension is connected, so nobody saves editors before a restart",
        "open the IDE; if it is open: is the extension inpod switched off there?",
      )
    : ok("ide", `code-server runs; the extension of ${windows} window${windows === 1 ? "" : "s"} is connected`);
}

/** Further ahead than this is a clock of its own, milliseconds. */
const aheadAllowed = 1000;

function judgeApp(app: AppStatus, now: number): Finding[] {
  const findings = [judgePhase(app)];
  if (app.backoff.waitSeconds > 0) {
    findings.push(
      warn(
        `${app.name}: back-off`,
        `the kubelet would wait ${app.backoff.waitSeconds} s before the next container restart`,
        "restart its process instead (app.command makes that possible), or set rbac.restartWithoutBackoff",
      ),
    );
  } else findings.push(ok(`${app.name}: back-off`, "none"));
  const ahead = app.servedAt === undefined ? 0 : Date.parse(app.servedAt) - now;
  if (ahead > aheadAllowed) {
    findings.push(
      fail(
        `${app.name}: clock`,
        `it is served since ${app.servedAt}, ${Math.round(ahead / 1000)} s from now`,
        "the node's clock was set back: times are wrong until the helper is restarted",
      ),
    );
  }
  return findings;
}

const exitText = ({ code, signal }: Exit) => (signal === null ? `exit code ${code}` : `ended by ${signal}`);

function judgePhase(app: AppStatus): Finding {
  const where = app.port === undefined ? "" : ` on port ${app.port}`;
  switch (app.phase) {
    case "running":
      return ok(app.name, `running${where}, ${app.how} restart`);
    case "restarting":
      return ok(app.name, "restarting");
    case "unknown":
      return warn(app.name, "its state isn't known: it has no port and no supervisor", "give app.ports or app.command");
    case "crashed": {
      const exit = app.lastExit === undefined ? "" : `, ${exitText(app.lastExit)}`;
      return fail(app.name, `crashed${exit}`, `inpod logs ${app.name} tells why; restart ${app.name} starts it`);
    }
    case "stopped":
      return fail(app.name, "stopped", `restart ${app.name} starts it`);
    case "down":
      return fail(app.name, `nothing listens${where}`, `inpod logs ${app.name}; kubectl describe pod`);
  }
}

/** The supervisor writes with the node's clock, as everybody in the pod. */
export function judgeClock(app: string, startedAt: string | undefined, now: number): Finding[] {
  const ahead = startedAt === undefined ? 0 : Date.parse(startedAt) - now;
  if (!(ahead > aheadAllowed)) return [];
  return [
    fail(
      `${app}: clock`,
      `its supervisor started it at ${startedAt}, ${Math.round(ahead / 1000)} s from now`,
      "the node's clock was set back: container restarts and times may be told wrongly until the next restart",
    ),
  ];
}

/** `kit owner`'s lines: processes beside the IDE that have the app's port. */
export function judgeOwners(app: AppStatus, lines: string): Finding[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      warn(`${app.name}: port`, line, "stop it there: it may take the app's connections, or keep it from starting"),
    );
}

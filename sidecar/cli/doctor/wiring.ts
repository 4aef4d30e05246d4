import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { get } from "node:http";
import type { Paths } from "../../protocol/index.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** How a restart request reaches one app. */
export interface WiringFacts {
  readonly app: string;
  readonly livenessPresent: boolean;
  /** What `kit live` says of the app; undefined where its port isn't known. */
  readonly responder?: { readonly status: number } | { readonly silent: string };
  /** Whether a supervisor reads the FIFO `control`; undefined where there is none. */
  readonly supervisorReads?: boolean;
}

export function judgeWiring({ app, livenessPresent, responder, supervisorReads }: WiringFacts): Finding[] {
  const findings: Finding[] = [];
  const name = `${app}: probe`;
  if (responder === undefined) {
    if (!livenessPresent && supervisorReads === undefined)
      findings.push(
        fail(name, "the file liveness is missing and no supervisor is there", "kubectl describe pod: has init run?"),
      );
  } else if ("silent" in responder) {
    findings.push(
      fail(
        name,
        `nothing answers the kubelet's probe: ${responder.silent}`,
        "kubectl logs POD -c live; until it answers the kubelet restarts the app again and again",
      ),
    );
  } else if (responder.status === 404) {
    findings.push(
      fail(
        name,
        `the responder doesn't know ${app}`,
        "restart.probe and the app's name must come from the same release",
      ),
    );
  } else if (responder.status === 200 && livenessPresent) {
    findings.push(ok(name, "the responder answers 200, the file liveness is there"));
  } else {
    findings.push(
      warn(
        name,
        `a restart request is pending (the responder says ${responder.status}, liveness is ${livenessPresent ? "there" : "away"})`,
        "if it stays so: is a startupProbe pending (it keeps liveness switched off), or the kubelet down?",
      ),
    );
  }
  if (supervisorReads === true) findings.push(ok(`${app}: supervisor`, "kit supervise reads its control file"));
  if (supervisorReads === false) {
    findings.push(
      fail(
        `${app}: supervisor`,
        "nobody reads the control file, so the process can't be restarted alone",
        "is the app container up (kubectl get pod)? restart app --container doesn't need it",
      ),
    );
  }
  return findings;
}

export async function lookAtWiring(paths: Paths, app: string, livePort: number | undefined): Promise<WiringFacts> {
  const [livenessPresent, control, responder] = await Promise.all([
    stat(paths.liveness(app)).then(
      () => true,
      () => false,
    ),
    readerOf(paths.control(app)),
    livePort === undefined ? undefined : askResponder(livePort, app),
  ]);
  return {
    app,
    livenessPresent,
    ...(responder === undefined ? {} : { responder }),
    ...(control === undefined ? {} : { supervisorReads: control }),
  };
}

/** A FIFO opens for writing without waiting only while somebody reads it. */
async function readerOf(fifo: string): Promise<boolean | undefined> {
  const seen = await stat(fifo).catch(() => undefined);
  if (seen?.isFIFO() !== true) return undefined;
  const handle = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
  await handle?.close();
  return handle !== undefined;
}

/** Only the kubelet's own probes consume a request; this one just looks. */
function askResponder(port: number, app: string): Promise<{ status: number } | { silent: string }> {
  return new Promise((resolve) => {
    const ask = get({ host: "127.0.0.1", port, path: `/live/${app}`, agent: false, timeout: 3000 }, (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0 });
    });
    ask.on("timeout", () => ask.destroy(new Error(`no answer from port ${port} in 3 s`)));
    ask.on("error", (error) => resolve({ silent: error.message }));
  });
}

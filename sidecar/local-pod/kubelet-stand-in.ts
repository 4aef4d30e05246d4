import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type BackoffSettings,
  type ContainerExit,
  kubeletDefaults,
  startsAfter,
} from "../../restart-controller/core/backoff.ts";
import type { ContainerRun } from "./container.ts";

/** A liveness probe as the chart writes it; times in milliseconds. */
export interface LivenessProbe {
  readonly url: string;
  readonly period: number;
  readonly timeout: number;
  readonly failureThreshold: number;
  /** The probe-level terminationGracePeriodSeconds. */
  readonly grace: number;
}

export interface KubeletStandInDeps {
  readonly name: string;
  readonly start: () => ContainerRun;
  /** None: the container is only started again when it ends. */
  readonly probe?: LivenessProbe;
  readonly say: (line: string) => void;
  readonly backoff?: BackoffSettings;
}

export interface KubeletStandIn {
  /** RESTARTS, as `kubectl get pod` would show it. */
  restarts(): number;
  /** Stops probing and starting, then the container; idempotent. */
  close(graceMs: number): Promise<void>;
}

/**
 * Plays the kubelet to one container: starts it again whenever it has ended, after the back-off that the kubelet would
 * take, and ends it when its liveness probe fails as often in a row as its threshold says.
 */
export function createKubeletStandIn({
  name,
  start,
  probe,
  say,
  backoff = kubeletDefaults,
}: KubeletStandInDeps): KubeletStandIn {
  const closing = new AbortController();
  const exits: ContainerExit[] = [];
  /** The run that a failed probe has ended: for the kubelet that is another thing than one that ended by itself. */
  let killed: ContainerRun | undefined;
  let restarts = 0;
  let run = start();

  const life = (async () => {
    for (;;) {
      await run.ended;
      if (closing.signal.aborted) return;
      exits.push({ at: Date.now(), by: killed === run ? "kill" : "itself" });
      exits.splice(0, exits.length - 32);
      const wait = Math.max(0, startsAfter(exits, backoff) - Date.now());
      if (wait > 0)
        say(
          `${name}: back-off, as the kubelet would: starting again in ${Math.ceil(wait / 1000)} s (${exits.length} restarts of late)`,
        );
      await sleep(wait, undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) return;
      run = start();
      restarts++;
    }
  })();

  const probing = probe === undefined ? Promise.resolve() : watch(probe);

  async function watch({ url, period, timeout, failureThreshold, grace }: LivenessProbe): Promise<void> {
    let failures = 0;
    let watched = run;
    for (;;) {
      await sleep(period, undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) return;
      if (watched !== run) {
        // A new container starts with a clean record.
        watched = run;
        failures = 0;
      }
      failures = (await passes(url, timeout)) ? 0 : failures + 1;
      if (failures < failureThreshold || closing.signal.aborted) continue;
      say(`${name}: liveness probe failed ${failures} times: restarting`);
      killed = watched;
      await watched.stop(grace);
      failures = 0;
    }
  }

  return {
    restarts: () => restarts,
    async close(graceMs) {
      closing.abort();
      await run.stop(graceMs);
      await Promise.all([life, probing]);
    },
  };
}

/** The kubelet's httpGet: 200 to 399 in time is a success; a connection for each probe. */
function passes(url: string, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, {
      agent: false,
      timeout,
      headers: { "user-agent": "kube-probe/1.35", accept: "*/*", connection: "close" },
    });
    request.on("response", (answer) => {
      answer.resume();
      resolve((answer.statusCode ?? 500) >= 200 && (answer.statusCode ?? 500) < 400);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
    request.on("close", () => resolve(false));
  });
}

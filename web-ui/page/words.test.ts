import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppStatus, RestartRecord, Status } from "@inpod/sidecar/protocol";
import { appFacts, containerText, outcomeText, promiseText, restartSentence, sourceText, stepText } from "./words.ts";

const record = (more: Partial<RestartRecord>): RestartRecord => ({
  id: "a",
  app: "app",
  how: "process",
  origin: "request",
  askedAt: "2026-11-21T10:00:00.000Z",
  asked: 0,
  ...more,
});
const app = (more: Partial<AppStatus>): AppStatus => ({
  name: "app",
  phase: "running",
  generation: 3,
  pid: 42,
  port: 8080,
  how: "process",
  restarts: { process: 2, container: 0 },
  backoff: { waitSeconds: 0 },
  ...more,
});
const status = (source: Status["source"], mode: Status["mode"] = "sidecar"): Status => ({
  version: "0.1.0",
  release: "hello",
  mode,
  app: [],
  ide: { phase: "running" },
  source,
});

test("a restart that is served is told with its split and with how long the port was closed", () => {
  assert.equal(
    restartSentence(record({ stopped: 4, started: 5, served: 41, outcome: "served" })),
    "app: process restart: stopped after 4 ms, started after 5 ms, served after 41 ms; the port was closed for 37 ms",
  );
});

test("one that failed is told with its reason", () => {
  assert.equal(
    restartSentence(
      record({ how: "container", origin: "hand", stopped: 900, outcome: "timeout", message: "no probe" }),
    ),
    "app: container restart, by hand timed out: no probe",
  );
  assert.equal(outcomeText(record({ outcome: "crashed", exit: { code: 1, signal: null } })), "crashed, exit code 1");
  assert.equal(
    outcomeText(record({ outcome: "crashed", exit: { code: null, signal: "SIGKILL" } })),
    "crashed, ended by SIGKILL",
  );
});

test("each step of a restart has its own words", () => {
  const steps = [{}, { stopped: 1 }, { stopped: 1, started: 2 }];
  const said = (["process", "container"] as const).flatMap((how) =>
    steps.map((step) => stepText(record({ how, ...step }), 8080)),
  );
  assert.equal(new Set(said).size, 5);
  assert.match(said[2] ?? "", /port 8080/);
});

test("a container that the kubelet makes wait is said to, and until when", () => {
  const waiting = record({ how: "container", stopped: 900, waitsUntil: "2026-11-21T10:01:20.000Z" });
  assert.match(stepText(waiting, 8080), /back-off until 10:01:20 UTC/);
});

test("the state line names what is known and nothing else", () => {
  assert.deepEqual(appFacts(app({}), "for 1 min"), ["for 1 min", "port 8080", "pid 42", "2 restarts"]);
  assert.deepEqual(appFacts(app({ phase: "crashed", lastExit: { code: 3, signal: null } }), "for 1 min"), [
    "exit code 3",
    "port 8080",
    "2 restarts",
  ]);
  const { pid: _, port: __, ...bare } = app({ restarts: { process: 0, container: 1 } });
  assert.deepEqual(appFacts(bare, undefined), ["no port", "1 restart of the container"]);
});

test("the kubelet's wait is said before it is felt, but not where it doesn't apply", () => {
  const backoff = { waitSeconds: 80 };
  assert.match(promiseText(app({ how: "container", backoff })).text, /would now wait 80 s/);
  assert.match(promiseText(app({ how: "process", backoff })).text, /milliseconds/);
  assert.match(containerText(app({ how: "process", backoff })), /^Slower; .*would now wait 80 s/);
  assert.doesNotMatch(containerText(app({ how: "process" })), /kubelet/);
  const running = { waitSeconds: 12, until: "2026-01-01T14:03:20.000Z", running: true } as const;
  assert.match(promiseText(app({ how: "process", backoff: running })).text, /before 14:03:20 UTC/);
});

test("what could be lost is said where the source dies with the pod", () => {
  assert.match(sourceText(status({ dirtyFiles: 3, durable: false }))?.text ?? "", /^3 files are changed.*dies with/);
  assert.equal(sourceText(status({ dirtyFiles: 1, durable: true }))?.text, "1 file is changed and not committed.");
  assert.equal(sourceText(status({ dirtyFiles: null, durable: true })), undefined);
  assert.equal(sourceText(status({ dirtyFiles: null }, "local")), undefined);
});

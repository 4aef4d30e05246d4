import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppPhase, AppStatus, RestartRecord } from "../../protocol/api.ts";
import { appButton, silentButton } from "./button.ts";

const app: AppStatus = {
  name: "web",
  phase: "running",
  generation: 3,
  pid: 42,
  port: 8080,
  how: "process",
  restarts: { process: 2, container: 0 },
  backoff: { waitSeconds: 0 },
};
const record: RestartRecord = {
  id: "restart-1",
  app: "web",
  how: "process",
  origin: "request",
  askedAt: "2026-01-01T00:00:00.000Z",
  asked: 0,
};
const served: RestartRecord = { ...record, stopped: 40, started: 41, served: 85, outcome: "served" };

test("every phase is said in words, also without its icon", () => {
  const phases: AppPhase[] = ["running", "restarting", "crashed", "stopped", "down", "unknown"];
  for (const phase of phases) {
    const { text, tooltip } = appButton({ ...app, phase }, false, undefined);
    assert.match(text.replace(/\$\([a-z~-]+\)/, ""), new RegExp(`^ app ${phase}`));
    assert.match(tooltip, new RegExp(`^web: ${phase}`));
  }
});

test("the app's name is said when there are several", () => {
  assert.equal(appButton(app, false, undefined).text, "$(debug-restart) app running");
  assert.equal(appButton(app, true, undefined).text, "$(debug-restart) web running");
});

test("a restart says what it waits for", () => {
  const text = (current: RestartRecord) => appButton({ ...app, phase: "restarting", current }, false, undefined).text;
  assert.equal(text(record), "$(sync~spin) app restarting: stopping");
  assert.equal(text({ ...record, how: "container" }), "$(sync~spin) app restarting: waiting for the kubelet's probe");
  assert.equal(text({ ...record, stopped: 4 }), "$(sync~spin) app restarting: stopped, not started yet");
  assert.equal(
    text({ ...record, stopped: 4, waitsUntil: "2026-01-01T14:03:20.000Z" }),
    "$(sync~spin) app restarting: waiting in the kubelet's back-off until 14:03:20 UTC",
  );
  assert.equal(text({ ...record, stopped: 4, started: 5 }), "$(sync~spin) app restarting: started, not served yet");
});

test("a served restart shows its split while it is news", () => {
  assert.equal(
    appButton(app, false, served).text,
    "$(check) app running: stopped 40 ms → started 41 ms → served 85 ms",
  );
});

test("a crash shows its exit and no old success", () => {
  const crashed: AppStatus = { ...app, phase: "crashed", lastExit: { code: 7, signal: null } };
  assert.deepEqual(
    { ...appButton(crashed, false, served), tooltip: "" },
    { text: "$(error) app crashed (exit code 7)", tooltip: "", tone: "error" },
  );
  const killed: AppStatus = { ...crashed, lastExit: { code: null, signal: "SIGKILL" } };
  assert.equal(appButton(killed, false, undefined).text, "$(error) app crashed (SIGKILL)");
});

test("the kubelet's wait is told before it happens", () => {
  const { tooltip } = appButton({ ...app, how: "container", backoff: { waitSeconds: 79.2 } }, false, undefined);
  assert.match(tooltip, /kubelet would wait 80 s/);
  assert.match(tooltip, /Click: save all, then container restart/);
});

test("a silent helper: connecting at first, reconnecting later, with the reason", () => {
  assert.match(silentButton(false, undefined).text, /connecting$/);
  const later = silentButton(true, "connect ECONNREFUSED");
  assert.match(later.text, /reconnecting$/);
  assert.match(later.tooltip, /ECONNREFUSED/);
});

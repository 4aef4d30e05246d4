import assert from "node:assert/strict";
import { test } from "node:test";
import { helperRefused } from "../../cli/errors.ts";
import type { RestartRecord } from "../../protocol/api.ts";
import { errorMessage, failureMessage } from "./outcome-message.ts";

const record: RestartRecord = {
  id: "restart-1",
  app: "web",
  how: "process",
  origin: "request",
  askedAt: "2026-01-01T00:00:00.000Z",
  asked: 0,
};

test("a served restart needs no message", () => {
  assert.equal(failureMessage({ ...record, served: 85, outcome: "served" }), undefined);
});

test("a crash is told with its reason, and its exit once", () => {
  const crashed: RestartRecord = {
    ...record,
    outcome: "crashed",
    exit: { code: 1, signal: null },
    message: "it ended",
  };
  assert.equal(failureMessage(crashed), "inpod: web: process restart crashed: it ended, exit code 1");
  assert.equal(
    failureMessage({ ...crashed, message: "it ended with exit code 1" }),
    "inpod: web: process restart crashed: it ended with exit code 1",
  );
});

test("a restart without an end is no success", () => {
  assert.match(failureMessage(record) ?? "", /has not said how the restart of web ended/);
});

test("a refusal is told with its fix", () => {
  const refusal = { code: "INPOD_APP_UNKNOWN", title: 'there is no app "x" here', fix: "name one of: web" };
  assert.equal(errorMessage(helperRefused(404, refusal)), 'inpod: there is no app "x" here. Fix: name one of: web');
  assert.equal(errorMessage("odd"), "inpod: odd");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RestartAccepted, RestartRecord, RestartRequest } from "../../protocol/api.ts";
import { restartApp } from "./restart-app.ts";

const record: RestartRecord = {
  id: "restart-1",
  app: "web",
  how: "process",
  origin: "request",
  askedAt: "2026-01-01T00:00:00.000Z",
  asked: 0,
};
const served: RestartRecord = { ...record, served: 85, outcome: "served" };

function world(answers: RestartRecord[], accepted: Partial<RestartAccepted> = {}) {
  const did: string[] = [];
  const client = {
    restart: async (ask: RestartRequest) => {
      did.push(`restart ${JSON.stringify(ask)}`);
      return { id: ask.id ?? "", app: "web", how: "process" as const, ...accepted };
    },
    findRestart: async (id: string, waitMs: number) => {
      did.push(`find ${id} ${waitMs}`);
      return answers.shift() ?? record;
    },
  };
  const window = {
    saveAll: async () => {
      did.push("save");
      return true;
    },
    goOnUnsaved: async () => true,
    note: (text: string) => did.push(`note ${text}`),
  };
  return { did, client, window };
}

test("saves first, asks once, waits for the end", async () => {
  const { did, client, window } = world([record, record, served]);
  assert.equal(await restartApp(client, window, { id: "restart-1", app: "web" }), served);
  assert.deepEqual(did, [
    "save",
    'restart {"id":"restart-1","app":"web","how":"auto"}',
    "find restart-1 1000",
    "find restart-1 1000",
    "find restart-1 1000",
  ]);
});

test("a merged request waits for the restart that answers it, and its note is told", async () => {
  const { did, client, window } = world([served], { merged: "other-restart", note: "the kubelet waits 40 s" });
  await restartApp(client, window, { id: "restart-1" });
  assert.deepEqual(did.slice(2), ["note the kubelet waits 40 s", "find other-restart 1000"]);
});

test("an editor that can't be saved stops it, unless the person goes on", async () => {
  const { did, client, window } = world([served]);
  const saveAll = async () => false;
  assert.equal(
    await restartApp(client, { ...window, saveAll, goOnUnsaved: async () => false }, { id: "restart-1" }),
    undefined,
  );
  assert.deepEqual(did, []);
  assert.equal(await restartApp(client, { ...window, saveAll }, { id: "restart-1" }), served);
});

test("a back-off isn't taken from the patience with the helper", async () => {
  const waiting: RestartRecord = { ...record, how: "container", stopped: 900, waitsUntil: "1970-01-01T00:01:20.000Z" };
  const { client, window } = world([...Array.from({ length: 100 }, () => waiting), served]);
  let now = 0;
  const clock = () => (now += 1000);
  assert.equal(await restartApp(client, window, { id: "restart-1" }, clock), served);
});

test("a helper that never says the end is not waited for for ever", async () => {
  const { client, window } = world([]);
  let now = 0;
  const clock = () => (now += 1000);
  assert.equal((await restartApp(client, window, { id: "restart-1" }, clock))?.outcome, undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppStatus, Status } from "../../protocol/index.ts";
import { findingsText, type Finding } from "./finding.ts";
import { judgeInotify } from "./inotify.ts";
import { judgeVolume, type VolumeFacts } from "./volume.ts";
import { judgeWiring } from "./wiring.ts";
import { judgeClock, judgeOwners, judgeStatus } from "./workspace.ts";

const levels = (findings: readonly Finding[]) => Object.fromEntries(findings.map(({ name, level }) => [name, level]));
const found = (findings: readonly Finding[], name: string) => findings.find((one) => one.name === name)?.found ?? "";

const now = Date.parse("2026-01-01T12:00:00Z");
const app: AppStatus = {
  name: "web",
  phase: "running",
  generation: 1,
  port: 8080,
  servedAt: "2026-01-01T11:00:00.000Z",
  how: "process",
  restarts: { process: 0, container: 0 },
  backoff: { waitSeconds: 0 },
};
const status: Status = {
  version: "1.0.0",
  release: "cart",
  mode: "sidecar",
  app: [app],
  ide: { phase: "running", windows: 1 },
  source: { dirtyFiles: 0 },
};
const judge = (over: Partial<Status>) => judgeStatus({ ...status, ...over }, { version: "1.0.0", now });

test("a healthy workspace is ok in every line, and no line has a fix", () => {
  const findings = judge({});
  assert.deepEqual(levels(findings), { helper: "ok", ide: "ok", web: "ok", "web: back-off": "ok" });
  assert.ok(findings.every(({ fix }) => fix === undefined));
});

test("every line that isn't ok has a fix", () => {
  const bad = [
    ...judge({
      version: "0.9.0",
      ide: { phase: "down" },
      app: [
        { ...app, phase: "crashed" },
        { ...app, phase: "stopped" },
        { ...app, phase: "down" },
        { ...app, phase: "unknown" },
      ],
    }),
    ...judge({ ide: { phase: "running", windows: 0 }, app: [{ ...app, backoff: { waitSeconds: 80 } }] }),
  ].filter(({ level }) => level !== "ok");
  assert.equal(bad.length, 8);
  for (const { fix, found: what } of bad) assert.ok((fix ?? "").length > 10, what);
});

test("an app that is down fails with what is known of it", () => {
  const crashed = judge({ app: [{ ...app, phase: "crashed", lastExit: { code: 7, signal: null } }] });
  assert.equal(levels(crashed)["web"], "fail");
  assert.match(found(crashed, "web"), /crashed, exit code 7/);
  assert.match(found(judge({ app: [{ ...app, phase: "down" }] }), "web"), /nothing listens on port 8080/);
});

test("a start in the future is told as what it is: a clock that was set back", () => {
  const ahead = "2026-01-01T12:01:00.000Z";
  assert.match(found(judge({ app: [{ ...app, servedAt: ahead }] }), "web: clock"), /60 s from now/);
  assert.equal(judgeClock("web", ahead, now)[0]?.level, "fail");
  assert.deepEqual(judgeClock("web", "2026-01-01T11:59:59.000Z", now), []);
  assert.deepEqual(judgeClock("web", undefined, now), []);
  assert.deepEqual(judgeClock("web", "yesterday", now), []);
});

test("who holds the app's port beside the IDE is a warning each", () => {
  const lines = 'port 8080 is held by "node server.js" (pid 7) in this container\n';
  assert.deepEqual(levels(judgeOwners(app, lines)), { "web: port": "warn" });
  assert.deepEqual(judgeOwners(app, ""), []);
});

test("the probe: answering, pending, silent, of another release; the supervisor: reading or gone", () => {
  const wiring = (over: object) => judgeWiring({ app: "web", livenessPresent: true, ...over });
  assert.deepEqual(levels(wiring({ responder: { status: 200 }, supervisorReads: true })), {
    "web: probe": "ok",
    "web: supervisor": "ok",
  });
  assert.equal(levels(wiring({ responder: { status: 503 } }))["web: probe"], "warn");
  assert.equal(levels(wiring({ responder: { status: 200 }, livenessPresent: false }))["web: probe"], "warn");
  assert.equal(levels(wiring({ responder: { status: 404 } }))["web: probe"], "fail");
  const silent = wiring({ responder: { silent: "connect ECONNREFUSED" } });
  assert.equal(levels(silent)["web: probe"], "fail");
  assert.match(found(silent, "web: probe"), /ECONNREFUSED/);
  assert.equal(levels(wiring({ supervisorReads: false }))["web: supervisor"], "fail");
  assert.deepEqual(wiring({}), []);
  assert.equal(levels(wiring({ livenessPresent: false }))["web: probe"], "fail");
});

const volume: VolumeFacts = {
  path: "/src",
  freeBytes: 5e9,
  totalBytes: 1e10,
  freeInodes: 1e6,
  totalInodes: 2e6,
  filledFrom: "cart:1",
  durable: true,
  owner: { uid: 1000, gid: 2000, setgid: true },
  self: { uid: 1000, groups: [2000] },
  lockedOut: { count: 0, looked: 10 },
};

test("the volume: its origin, its space, and whose it is", () => {
  assert.deepEqual(levels(judgeVolume(volume)), { "source volume": "ok", space: "ok", "uid and gid": "ok" });
  assert.match(found(judgeVolume(volume), "source volume"), /filled from cart:1/);
  assert.deepEqual(levels(judgeVolume({ ...volume, unwritable: "EACCES" })), { "source volume": "fail" });
  assert.equal(levels(judgeVolume({ ...volume, durable: false }))["source volume"], "warn");
  assert.equal(levels(judgeVolume({ ...volume, freeBytes: 0 }))["space"], "fail");
  assert.equal(levels(judgeVolume({ ...volume, freeBytes: 5e7 }))["space"], "warn");
  assert.equal(levels(judgeVolume({ ...volume, freeInodes: 100 }))["space"], "warn");
  assert.equal(levels(judgeVolume({ ...volume, freeInodes: 0, totalInodes: 0 }))["space"], "ok", "btrfs counts none");
  const foreign = { uid: 1, gid: 2000, setgid: false };
  assert.equal(levels(judgeVolume({ ...volume, owner: foreign }))["uid and gid"], "warn");
  const locked = judgeVolume({ ...volume, lockedOut: { count: 2, looked: 10, first: "/src/a" } });
  assert.match(found(locked, "uid and gid"), /2 of 10 .* the first \/src\/a/);
});

test("inotify: near the limit is a warning, refused is a failure that names the limit", () => {
  const facts = { mostWatches: 1000, mostInstances: 100, watches: 10, instances: 10 };
  assert.equal(judgeInotify(facts).level, "ok");
  assert.match(judgeInotify({ ...facts, watches: 800 }).fix ?? "", /max_user_watches/);
  assert.match(judgeInotify({ ...facts, instances: 80 }).fix ?? "", /max_user_instances/);
  const refused = judgeInotify({ ...facts, refused: "EMFILE: too many open files, watch" });
  assert.equal(refused.level, "fail");
  assert.match(refused.fix ?? "", /max_user_instances .*now 100/);
});

test("the lines stand in columns, a fix below what it is for", () => {
  const text = findingsText([
    { name: "a", level: "ok", found: "fine" },
    { name: "long", level: "fail", found: "broken", fix: "mend it" },
  ]);
  assert.equal(text, "ok    a     fine\nfail  long  broken\n            fix: mend it\n");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, initialState, runningWait, wakeAt } from "./index.ts";
import type { App, AppState, ContainerExit, Decision, Event, Request } from "./index.ts";

// What a container restart costs in the kubelet's back-off is said before, waited for, or gone around.

const image = `registry:5000/shop/app:1.2@sha256:${"ab".repeat(32)}`;
const plain: App = { name: "app", port: 8080, process: false, container: true, threshold: 1, image };
const aliased: App = { ...plain, alias: true };
const supervised: App = { ...plain, process: true };

const exits: readonly ContainerExit[] = [1000, 3000].map((at) => ({ at, by: "kill" }));
const punished: AppState = { ...initialState, listeners: ["11"], listenersSince: 3500, generation: 3, exits };

const request = (at: number, over: Partial<Request> = {}): Event => ({
  kind: "request",
  at,
  request: { id: `r${at}`, how: "auto", now: false, ready: false, force: false, timeoutMs: 5000, ...over },
});
const up = (at: number, ...listeners: string[]): Event => ({ kind: "listeners", at, listeners });
const taken = (at: number): Event => ({ kind: "liveness", at, present: true, id: "x" });
const tick = (at: number): Event => ({ kind: "tick", at });

function play(app: App, from: AppState, events: readonly Event[]) {
  let state = from;
  const decisions: Decision[] = [];
  for (const event of events) {
    const decision = decide(app, state, event);
    state = decision.state;
    decisions.push(decision);
  }
  const effects = decisions.flatMap((one) => one.effects);
  const records = effects.flatMap((effect) => (effect.kind === "record" ? [effect.record] : []));
  const done = effects.filter((effect) => effect.kind !== "record");
  const replies = decisions.flatMap(({ reply }) => (reply === undefined ? [] : [reply]));
  const notes = replies.map((reply) => (reply.kind === "refused" ? undefined : reply.note));
  return { state, done, last: records.at(-1), notes };
}

test("a wait is told with the reply, with the choices in order", () => {
  const { notes, done } = play(plain, punished, [request(5000)]);
  assert.match(
    notes[0] ?? "",
    /^the kubelet would wait 10 s: 2 restarts in 10 min.*restartWithoutBackoff.*maxContainerRestartPeriod.*after 00:00:13 UTC$/,
  );
  assert.deepEqual(done, [{ kind: "remove-liveness" }]);
  const container = play(supervised, punished, [request(5000, { how: "container" })]);
  assert.match(container.notes[0] ?? "", /without the wait: --process \(milliseconds\); rbac/);
  assert.equal(play(plain, punished, [request(13_000)]).notes[0], undefined);
});

test("auto restarts the process where there is one, and says nothing of waits it doesn't meet", () => {
  const startedAt = 10;
  const supervisor = { generation: 1, pid: 7, phase: "running", startedAt } as const;
  const { done, notes } = play(supervised, { ...punished, supervisor }, [request(5000)]);
  assert.deepEqual(done, [{ kind: "command", line: "restart id=r5000" }]);
  assert.deepEqual(notes, [undefined]);
});

test("the wait isn't taken from the request's time: it ends when the wait and the kubelet's slack are over, not before", () => {
  const waiting = play(plain, punished, [request(5000), taken(5500), up(6000)]);
  assert.equal(waiting.last?.waitsUntil, "1970-01-01T00:00:16.000Z");
  assert.equal(runningWait(plain, waiting.state, 7000), 16_000);
  assert.equal(runningWait(plain, waiting.state, 16_000), null);
  assert.equal(wakeAt(plain, waiting.state.phase), 5000 + 5000 + 10_000 + 6000);
  const served = play(plain, waiting.state, [tick(10_001), up(18_000, "12")]);
  assert.deepEqual([served.last?.outcome, served.last?.served], ["served", 13_000]);
  assert.equal(play(plain, waiting.state, [tick(26_000)]).last?.outcome, "timeout");
});

test("a request during the wait is answered by the restart that waits: its process isn't spawned yet", () => {
  const { notes, done } = play(plain, punished, [request(5000), taken(5500), up(6000), request(9000), request(16_500)]);
  assert.match(notes[1] ?? "", /until 00:00:16 UTC/);
  assert.match(notes[2] ?? "", /follows/);
  assert.equal(done.length, 1);
});

test("removing the file by hand is told its price too", () => {
  const { last } = play(plain, punished, [{ kind: "liveness", at: 5000, present: false, id: "hand" }]);
  assert.match(last?.note ?? "", /would wait 10 s/);
});

test("where the tag may be changed, a due wait is gone around: one patch, no liveness file, a fresh account", () => {
  const { done, last, state, notes } = play(aliased, punished, [request(5000), up(6000), up(6500, "12")]);
  const to = `registry:5000/shop/app:r${(5000).toString(36)}@sha256:${"ab".repeat(32)}`;
  assert.deepEqual(done, [{ kind: "patch-image", from: image, to }]);
  assert.match(notes[0] ?? "", /another tag/);
  assert.deepEqual([last?.outcome, last?.image, last?.waitsUntil], ["served", to, undefined]);
  assert.deepEqual(state.exits.at(-1), { at: 6000, by: "alias" });
  const next = play(aliased, state, [request(8000)]);
  assert.deepEqual(next.done, [
    { kind: "patch-image", from: to, to: to.replace(/:r\w+@/, `:r${(8000).toString(36)}@`) },
  ]);
});

test("what costs nothing goes by the liveness file, also where the tag may be changed", () => {
  assert.deepEqual(play(aliased, punished, [request(14_000)]).done, [{ kind: "remove-liveness" }]);
});

test("a refused patch falls back to the liveness file with the reason, and the old image is known again", () => {
  const failed: Event = { kind: "patch-failed", at: 5100, why: "the API server answered 403" };
  const { done, state } = play(aliased, punished, [request(5000), failed]);
  assert.deepEqual(
    done.map(({ kind }) => kind),
    ["patch-image", "remove-liveness"],
  );
  assert.equal(state.image, image);
  const { last } = play(aliased, state, [taken(5500), up(6000)]);
  assert.match(last?.note ?? "", /^the API server answered 403: the kubelet would wait 10 s/);
  assert.equal(last?.waitsUntil, "1970-01-01T00:00:16.000Z");
});

test("a patch that was refused when the old container was gone anyway changes nothing", () => {
  const { done } = play(aliased, punished, [
    request(5000),
    up(6000),
    { kind: "patch-failed", at: 6100, why: "too late" },
  ]);
  assert.equal(done.length, 1);
});

test("an image without a digest is restarted by the liveness file, with the fix", () => {
  const { done, notes } = play({ ...aliased, image: "shop/app:1.2" }, punished, [request(5000)]);
  assert.deepEqual(done, [{ kind: "remove-liveness" }]);
  assert.match(
    notes[0] ?? "",
    /given by its digest \(name:tag@sha256:…\), and this one is shop\/app:1\.2: the kubelet/,
  );
});

test("an app that crashed and is made to wait is started at once under another tag", () => {
  const crashed = play(aliased, punished, [up(5000), up(15_500, "12"), up(16_000)]);
  assert.equal(runningWait(aliased, crashed.state, 16_100), 36_000);
  const { done, last } = play(aliased, crashed.state, [request(20_000), up(21_000, "13")]);
  assert.equal(done[0]?.kind, "patch-image");
  assert.equal(last?.outcome, "served");
  // Refused, it is waited for: removing the file as well would cost it a second restart.
  const refused = play(aliased, crashed.state, [
    request(20_000),
    { kind: "patch-failed", at: 20_100, why: "403" },
    up(36_500, "13"),
  ]);
  assert.deepEqual(
    refused.done.map(({ kind }) => kind),
    ["patch-image"],
  );
  assert.deepEqual([refused.last?.outcome, refused.last?.waitsUntil], ["served", "1970-01-01T00:00:36.000Z"]);
  assert.match(refused.last?.note ?? "", /^403: the app ended by itself and the kubelet starts it in 16 s/);
});

test("an app that crashed and is made to wait is not killed once more: the kubelet's start answers the request", () => {
  const crashed = play(plain, punished, [up(5000), up(15_500, "12"), up(16_000)]);
  const { done, last, state, notes } = play(plain, crashed.state, [request(20_000), tick(26_000), up(37_000, "13")]);
  assert.deepEqual(done, []);
  assert.match(notes[0] ?? "", /starts it in 16 s: 4 restarts in 10 min/);
  assert.deepEqual([last?.outcome, last?.served], ["served", 17_000]);
  assert.deepEqual(state.exits.at(-1), { at: 16_000, by: "itself" });
});

test("a helper that died after deciding to patch does it again: the patch is safe to do twice", () => {
  const { state, done } = play(aliased, punished, [request(5000)]);
  assert.deepEqual(play(aliased, state, [{ kind: "resumed", at: 5500 }]).done, done);
});

test("a container that goes on after the patch is told so at the deadline", () => {
  const { last } = play(aliased, punished, [request(5000), tick(10_000)]);
  assert.equal(last?.outcome, "timeout");
  assert.match(last?.message ?? "", /the pod's image is registry/);
});

test("a node with a short longest wait is forecast as such", () => {
  const own: App = { ...plain, maxRestartPeriod: 1000 };
  assert.equal(play(own, punished, [request(5000)]).notes[0], undefined);
  assert.match(play(own, punished, [request(3500)]).notes[0] ?? "", /would wait 1 s/);
});

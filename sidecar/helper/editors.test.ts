import assert from "node:assert/strict";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import type { ApiEvent, EditorsReport } from "../protocol/index.ts";
import { createEditors } from "./editors.ts";
import { openHelper } from "./testing/open-helper.ts";

/** A window that saves what it is asked to, but for `keeps` editors. */
function windowOf(editors: ReturnType<typeof createEditors>, name: string, keeps = 0) {
  const asked: ApiEvent[] = [];
  const report = (more: Partial<EditorsReport>) => editors.reported({ window: name, unsaved: 0, untitled: 0, ...more });
  const gone = editors.opened(name, (event) => {
    asked.push(event);
    if (event.type === "save") report({ unsaved: keeps, saved: event.save.id });
  });
  return { asked, report, gone };
}

test("with nothing unsaved no window is asked and nothing is said", async () => {
  const editors = createEditors();
  assert.equal(await editors.save(), undefined);
  const window = windowOf(editors, "window-1");
  assert.equal(await editors.save(), undefined);
  assert.deepEqual(window.asked, []);
});

test("only windows with unsaved editors are asked; all saved is nothing to say", async () => {
  const editors = createEditors();
  const [dirty, clean] = [windowOf(editors, "window-1"), windowOf(editors, "window-2")];
  dirty.report({ unsaved: 2 });
  assert.equal(await editors.save(), undefined);
  assert.deepEqual([dirty.asked.length, clean.asked.length], [1, 0]);
  assert.equal(await editors.save(), undefined);
  assert.equal(dirty.asked.length, 1);
});

test("what could not be saved, and what has no file, is said", async () => {
  const editors = createEditors();
  const window = windowOf(editors, "window-1", 1);
  window.report({ unsaved: 2 });
  assert.match((await editors.save()) ?? "", /^1 editor could not be saved/);
  window.report({ untitled: 2 });
  assert.match((await editors.save()) ?? "", /^2 untitled editors left alone/);
});

test("a window that doesn't answer is waited for no longer than it may; one that goes away not at all", async () => {
  const editors = createEditors(30);
  const gone = editors.opened("window-1", () => {});
  editors.reported({ window: "window-1", unsaved: 1, untitled: 0 });
  assert.match((await editors.save()) ?? "", /has not saved 1 editor in 30 ms/);
  const waiting = createEditors(60_000);
  const leave = waiting.opened("window-2", () => {});
  waiting.reported({ window: "window-2", unsaved: 1, untitled: 0 });
  const saved = waiting.save();
  leave();
  assert.equal(await saved, undefined);
  gone();
  assert.equal(await editors.save(), undefined);
});

test("a report of a window without a stream is not kept, and a window's own end takes its count along", async () => {
  const editors = createEditors();
  editors.reported({ window: "nobody-knows", unsaved: 3, untitled: 0 });
  assert.equal(await editors.save(), undefined);
  const first = windowOf(editors, "window-1");
  const again = windowOf(editors, "window-1");
  first.gone();
  assert.equal(editors.windows(), 1);
  again.gone();
  assert.equal(editors.windows(), 0);
});

test("a restart is asked of the controller after the IDE has saved, and its answer says what was left", async (t) => {
  const helper = await openHelper(t);
  const { apiSocket } = helper.paths;
  const json = { host: "inpod", "content-type": "application/json" };
  const post = (path: string, body: object) =>
    helper.ask({ method: "POST", path, headers: Object.entries(json), body: JSON.stringify(body) });
  const stream = request({ socketPath: apiSocket, path: "/-/api/events?window=window-1", headers: json }).end();
  const [events] = (await once(stream, "response")) as [IncomingMessage];
  t.after(() => events.destroy());
  assert.equal((await post("/-/api/ide", { editors: { window: "window-1", unsaved: 2, untitled: 0 } })).status, 200);
  let askedBefore: number | undefined;
  events.setEncoding("utf8").on("data", (text: string) => {
    const id = /event: save\ndata: .*"id":"([^"]+)"/.exec(text)?.[1];
    if (id === undefined) return;
    askedBefore = helper.controller.asked.length;
    void post("/-/api/ide", { editors: { window: "window-1", unsaved: 1, untitled: 0, saved: id } });
  });
  const { status, body } = await post("/-/api/restart", { app: "app" });
  assert.deepEqual([status, askedBefore, helper.controller.asked.length], [202, 0, 1]);
  assert.match(JSON.parse(body).note, /1 editor could not be saved/);
  const { body: now } = await helper.ask({ path: "/-/api/status", headers: [["Host", "inpod"]] });
  assert.equal(JSON.parse(now).ide.windows, 1);
  assert.equal((await post("/-/api/ide", { editors: { window: "w", unsaved: 1, untitled: 0 } })).status, 400);
});

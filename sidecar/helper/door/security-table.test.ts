import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { routes } from "../routes.ts";
import type { RouteName } from "../routes.ts";
import { openHelper } from "../testing/open-helper.ts";
import type { OpenHelper } from "../testing/open-helper.ts";
import type { RawAnswer } from "../testing/raw-client.ts";

// Every route and every upgrade, with every kind of missing, stale, wrong and foreign credential. A route without a row fails here.

interface Row {
  readonly method: "GET" | "POST" | "DELETE" | "PUT" | "PATCH" | "OPTIONS" | "HEAD";
  readonly path: string;
  readonly body?: object;
  /** Answered without a session. */
  readonly open?: true;
  readonly upgrade?: true;
}

const rows: Record<RouteName, Row> = {
  healthz: { method: "GET", path: "/-/healthz", open: true },
  asset: { method: "GET", path: "/-/assets/main-1.js", open: true },
  loginPage: { method: "GET", path: "/-/login", open: true },
  login: { method: "POST", path: "/-/login", body: { password: "wrong" }, open: true },
  logout: { method: "POST", path: "/-/logout", body: {} },
  page: { method: "GET", path: "/-/" },
  status: { method: "GET", path: "/-/api/status" },
  restart: { method: "POST", path: "/-/api/restart", body: { app: "app" } },
  restarts: { method: "GET", path: "/-/api/restarts" },
  findRestart: { method: "GET", path: "/-/api/restarts/some-id-1" },
  cancelRestart: { method: "DELETE", path: "/-/api/restarts/some-id-1" },
  diff: { method: "GET", path: "/-/api/diff/3" },
  hold: { method: "POST", path: "/-/api/hold", body: { held: true } },
  events: { method: "GET", path: "/-/api/events" },
  logs: { method: "GET", path: "/-/api/logs" },
  sessions: { method: "GET", path: "/-/api/sessions" },
  revokeSession: { method: "DELETE", path: "/-/api/sessions/0123456789abcdef" },
  command: {
    method: "POST",
    path: "/-/api/command",
    body: { id: "some-id-1", name: "inpod", words: ["status"], colour: false },
  },
  reportSource: {
    method: "POST",
    path: "/-/api/source",
    body: { onSave: false, held: false, watching: null, builds: false, git: false },
  },
  reportIde: { method: "POST", path: "/-/api/ide", body: { dirtyFiles: 3 } },
};

/** What isn't in the table of routes: the IDE, what doesn't exist, other methods, other verbs. */
const others: readonly Row[] = [
  { method: "GET", path: "/" },
  { method: "HEAD", path: "/" },
  { method: "GET", path: "/stable-0/vscode-remote-resource?path=/etc/passwd" },
  { method: "GET", path: "/healthz" },
  { method: "GET", path: "/proxy/8080/" },
  { method: "POST", path: "/mint-key", body: {} },
  { method: "PUT", path: "/file", body: {} },
  { method: "PATCH", path: "/file", body: {} },
  { method: "OPTIONS", path: "/" },
  { method: "GET", path: "/-/nothing" },
  { method: "GET", path: "/-/api/nothing" },
  { method: "GET", path: "/-/logout" },
  { method: "GET", path: "/-/api/ide" },
  { method: "HEAD", path: "/-/api/status" },
  { method: "DELETE", path: "/-/api/restart" },
  { method: "POST", path: "/-/api/status", body: {} },
];

const upgrades: readonly Row[] = ["/", "/stable-0?reconnectionToken=x", "/-/terminal", "/-/login", "/-/healthz"]
  .concat(Object.values(rows).map(({ path }) => path))
  .map((path) => ({ method: "GET", path, upgrade: true }));

const all: readonly Row[] = [...Object.values(rows), ...others, ...upgrades];
const nameOf = (row: Row) => `${row.upgrade ? "UPGRADE" : row.method} ${row.path}`;

const foreignOrigins = (host: string): readonly string[] => {
  const [name = "", port = ""] = host.split(":");
  return [
    "https://evil.example",
    "null",
    "",
    `https://${host}`,
    `http://${name}`,
    `http://${name}:${Number(port) + 1}`,
    `http://${host}.evil.example`,
    `http://${name}.evil.example:${port}`,
    `http://${name}.:${port}`,
    `http://evil${host}`,
    `http://evil.${host}`,
    `http://user@${host}`,
    `http://${host}@evil.example`,
    `http://evil.example#${host}`,
    `http://evil.example?${host}`,
    `HTTP://${host}`,
    `http://${host.toUpperCase()}`,
    `http://${host}/`,
    `http://${host} http://evil.example`,
    `http://127.0.0.1:${port}`,
    `http://[::1]:${port}`,
    `file://${host}`,
  ];
};

function call(
  helper: OpenHelper,
  row: Row,
  { cookie, origin }: { cookie?: string; origin: string | undefined },
): Promise<RawAnswer> {
  const headers: [string, string][] = [["Host", helper.host]];
  if (origin !== undefined) headers.push(["Origin", origin]);
  if (cookie !== undefined) headers.push(["Cookie", cookie]);
  if (row.body !== undefined) headers.push(["Content-Type", "application/json"]);
  if (row.upgrade) {
    headers.push(["Connection", "Upgrade"], ["Upgrade", "websocket"]);
    headers.push(["Sec-WebSocket-Version", "13"], ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="]);
  }
  const body = row.body === undefined ? {} : { body: JSON.stringify(row.body) };
  return helper.send({ method: row.method, path: row.path, headers, ...body });
}

function assertUntouched(helper: OpenHelper) {
  assert.deepEqual(
    helper.ide?.seen.map(({ method, url }) => `${method} ${url}`),
    [],
    "nothing reaches the IDE",
  );
  assert.deepEqual(helper.controller.asked, [], "nothing is restarted");
}

test("the table has a row for every route, with the route's method and path", () => {
  assert.deepEqual(Object.keys(rows).toSorted(), Object.keys(routes).toSorted());
  for (const [name, { method, path, open }] of Object.entries(rows)) {
    const route = routes[name as RouteName];
    assert.equal(method, route.method, name);
    assert.match(path, new RegExp(`^${route.path.replaceAll(/:\w+/g, "[^/]+")}$`), name);
    assert.equal(open === true, route.who === "open", name);
  }
});

test("without a valid cookie: 401 everywhere but on the open routes, from our own origin too", async (t) => {
  const helper = await openHelper(t);
  const revoked = await helper.logIn();
  await helper.post("/-/logout", {}, [["Cookie", revoked]]);
  const valid = await helper.logIn();
  const value = valid.slice(valid.indexOf("=") + 1);
  const sessions = JSON.parse(await readFile(`${helper.home}/state/sessions.json`, "utf8"));
  const cookies: Record<string, string | undefined> = {
    none: undefined,
    empty: "",
    revoked,
    "cut short": valid.slice(0, -1),
    "one character too many": `${valid}A`,
    "never given": `inpod-cart=${"A".repeat(43)}`,
    "another release's": `inpod-other=${value}`,
    "the HTTPS name on plain HTTP": `__Host-inpod-cart=${value}`,
    "other case": `Inpod-Cart=${value}`,
    quoted: `inpod-cart="${value}"`,
    "the stored hash": `inpod-cart=${sessions.sessions[0].hash}`,
    "two of them": `${valid}; inpod-cart=${"A".repeat(43)}`,
    "the password": "inpod-cart=correct horse battery staple",
  };
  helper.ide?.seen.splice(0);
  for (const row of all) {
    for (const [kind, cookie] of Object.entries(cookies)) {
      const { status } = await call(helper, row, {
        origin: helper.origin,
        ...(cookie === undefined ? {} : { cookie }),
      });
      if (row.open) assert.ok(status !== 403 && status < 500, `${nameOf(row)}, cookie: ${kind}: ${status}`);
      else assert.equal(status, 401, `${nameOf(row)}, cookie: ${kind}`);
      if (row === rows.login) break;
    }
  }
  assertUntouched(helper);
});

test("with a valid cookie and a foreign Origin: 403 everywhere, requests and upgrades alike", async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  for (const row of all) {
    for (const origin of foreignOrigins(helper.host)) {
      const { status } = await call(helper, row, { cookie, origin });
      assert.equal(status, 403, `${nameOf(row)}, Origin: ${origin}`);
    }
  }
  assertUntouched(helper);
});

test("with neither: 401 or 403", async (t) => {
  const helper = await openHelper(t);
  for (const row of all) {
    for (const origin of ["https://evil.example", "null", undefined]) {
      if (row.open && origin === undefined && row.method === "GET") continue;
      const { status } = await call(helper, row, { origin });
      assert.ok(status === 401 || status === 403, `${nameOf(row)}, Origin: ${origin}: ${status}`);
    }
  }
  assertUntouched(helper);
});

test("without an Origin: changes and upgrades are refused, reading is not", async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  for (const row of all) {
    const { status } = await call(helper, row, { cookie, origin: undefined });
    if (row.upgrade || !["GET", "HEAD"].includes(row.method)) assert.equal(status, 403, nameOf(row));
    else assert.ok(status !== 401 && status !== 403, `${nameOf(row)}: ${status}`);
  }
  assert.deepEqual(helper.controller.asked, []);
});

test("with cookie and own Origin everything answers, and what isn't there is 404", async (t) => {
  const helper = await openHelper(t);
  let cookie = await helper.logIn();
  for (const row of all) {
    const { status } = await call(helper, row, { cookie, origin: helper.origin });
    if (row.upgrade) assert.equal(status, row.path.startsWith("/-/") ? 404 : 101, nameOf(row));
    else if (row === rows.login) assert.equal(status, 401, nameOf(row));
    else if (row === rows.reportIde || row === rows.command) assert.equal(status, 404, nameOf(row));
    else assert.ok(status !== 401 && status !== 403 && status < 500, `${nameOf(row)}: ${status}`);
    if (row === rows.logout) cookie = await helper.logIn();
  }
});

test("the Unix socket answers its own verbs only, and no page", async (t) => {
  const helper = await openHelper(t);
  for (const [name, row] of Object.entries(rows)) {
    const body = row.body === undefined ? {} : { body: JSON.stringify(row.body) };
    const json: [string, string][] = [
      ["Host", "inpod"],
      ["Content-Type", "application/json"],
    ];
    const { status } = await helper.ask({ method: row.method, path: row.path, headers: json, ...body });
    const expected = routes[name as RouteName].socket;
    // There is no such restart, and no source agent, here.
    const none = ["findRestart", "cancelRestart", "diff", "hold"].includes(name) && (status === 404 || status === 409);
    assert.equal(status < 400 || none, expected, `${name}: ${status}`);
    const fromPage = await helper.ask({
      method: row.method,
      path: row.path,
      headers: [...json, ["Origin", "http://inpod"]],
      ...body,
    });
    assert.ok(fromPage.status === 403 || fromPage.status === 404, `${name} with an Origin: ${fromPage.status}`);
  }
  for (const path of ["/", "/healthz", "/-/login", "/-/api/sessions"]) {
    assert.equal((await helper.ask({ path, headers: [["Host", "inpod"]] })).status, 404, path);
  }
  assert.deepEqual(helper.ide?.seen, []);
});

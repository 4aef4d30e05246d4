import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { openHelper, password } from "../testing/open-helper.ts";
import type { OpenHelper } from "../testing/open-helper.ts";

const get = (helper: OpenHelper, path: string, cookie = "", headers: readonly (readonly [string, string])[] = []) =>
  helper.send({
    path,
    headers: [["Host", helper.host], ...(cookie === "" ? [] : [["Cookie", cookie] as const]), ...headers],
  });
const status = async (helper: OpenHelper, cookie: string) => (await get(helper, "/-/api/status", cookie)).status;

test("the right password gives a strict, script-proof cookie and the way back", async (t) => {
  const helper = await openHelper(t);
  const { status: code, headers, body } = await helper.post("/-/login", { password, to: "/?folder=/x" });
  assert.equal(code, 200);
  assert.deepEqual(JSON.parse(body), { to: "/?folder=/x" });
  assert.match(headers["set-cookie"] ?? "", /^inpod-cart=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
});

test("behind a listed TLS proxy the cookie has the __Host- prefix and Secure", async (t) => {
  const helper = await openHelper(t, { env: { INPOD_TRUSTED_PROXIES: "127.0.0.0/8" } });
  const proxied: [string, string][] = [
    ["Host", "ide.example"],
    ["X-Forwarded-Proto", "https"],
    ["Origin", "https://ide.example"],
    ["Content-Type", "application/json"],
  ];
  const { headers } = await helper.send({
    method: "POST",
    path: "/-/login",
    headers: proxied,
    body: JSON.stringify({ password }),
  });
  assert.match(
    headers["set-cookie"] ?? "",
    /^__Host-inpod-cart=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
  );
});

test("plain HTTP to another host: no login, and why", async (t) => {
  const helper = await openHelper(t);
  const headers: [string, string][] = [
    ["Host", "10.1.2.3:7777"],
    ["Origin", "http://10.1.2.3:7777"],
    ["Content-Type", "application/json"],
  ];
  const answer = await helper.send({ method: "POST", path: "/-/login", headers, body: JSON.stringify({ password }) });
  assert.equal(answer.status, 403);
  assert.match(answer.body, /INPOD_LOGIN_INSECURE.*10\.1\.2\.3.*https.*localhost/);
});

test("a wrong password is 401 and sets nothing; then it gets slow, for this address only as long as it fails", async (t) => {
  const helper = await openHelper(t);
  const valid = await helper.logIn();
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    const since = performance.now();
    const answer = await helper.post("/-/login", { password: `wrong ${i}` });
    times.push(performance.now() - since);
    assert.equal(answer.status, 401);
    assert.equal(answer.headers["set-cookie"], undefined);
  }
  assert.ok((times[3] ?? 0) > 700, `the fourth took ${times[3]} ms`);
  assert.equal(await status(helper, valid), 200);
});

test("a rotated password works at once, the old one no more", async (t) => {
  const helper = await openHelper(t);
  await helper.logIn();
  await writeFile(join(helper.home, "password"), "another one");
  assert.equal((await helper.post("/-/login", { password: "another one" })).status, 200);
  assert.equal((await helper.post("/-/login", { password })).status, 401);
});

test("a stored hash lets its password in and is neither password nor cookie itself", async (t) => {
  const helper = await openHelper(t);
  // A test vector of the reference implementation: the password is "password", the salt "somesalt".
  const phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  await writeFile(join(helper.home, "password"), `${phc}\n`);
  assert.equal((await helper.post("/-/login", { password: phc })).status, 401);
  assert.equal(await status(helper, `inpod-cart=${phc}`), 401);
  assert.equal((await helper.post("/-/login", { password: "password" })).status, 200);
});

test("a file that can't be used says so and lets nobody in", async (t) => {
  const helper = await openHelper(t);
  for (const content of [
    "",
    "\n",
    "$2b$10$abcdefghijklmnopqrstuv",
    "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=9999999,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
  ]) {
    await writeFile(join(helper.home, "password"), content);
    for (const candidate of ["", content, content.trim()]) {
      const answer = await helper.post("/-/login", { password: candidate });
      assert.equal(answer.status, 503, JSON.stringify(content));
      assert.match(answer.body, /INPOD_PASSWORD_UNUSABLE/);
    }
  }
});

test("a login link works once, by POST only, and not again after a restart of the helper", async (t) => {
  const helper = await openHelper(t);
  const file = join(helper.home, "login-token");
  const token = "a-token-of-at-least-twenty-characters";
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  // What a chat's link preview does.
  for (let i = 0; i < 3; i++) assert.equal((await get(helper, `/-/login?token=${token}`)).status, 200);
  assert.ok(existsSync(file));
  assert.equal((await helper.post("/-/login", { token: `${token}x` })).status, 401);
  const [first, second] = await Promise.all([helper.post("/-/login", { token }), helper.post("/-/login", { token })]);
  assert.deepEqual(
    [first.status, second.status].toSorted((a, b) => a - b),
    [200, 401],
  );
  assert.ok(!existsSync(file));
  // As on a volume that can't be written, where the file stays.
  await writeFile(file, `${token}\n`);
  assert.equal((await helper.post("/-/login", { token })).status, 401);
  await helper.restartHelper();
  assert.equal((await helper.post("/-/login", { token })).status, 401);
});

test("sessions survive the helper's restart; the file has no cookie in it and is ours alone", async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  await helper.restartHelper();
  assert.equal(await status(helper, cookie), 200);
  const file = join(helper.home, "state/sessions.json");
  assert.ok(!(await readFile(file, "utf8")).includes(cookie.split("=")[1] ?? "?"));
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test("sessions are listed and revoked; what a revoked one holds open is closed", async (t) => {
  const helper = await openHelper(t);
  const mine = await helper.logIn();
  const other = await helper.logIn();
  const listed = JSON.parse((await get(helper, "/-/api/sessions", mine)).body);
  assert.equal(listed.sessions.length, 2);
  assert.ok(!JSON.stringify(listed).includes(other.split("=")[1] ?? "?"));
  const otherId = listed.sessions.find(({ id }: { id: string }) => id !== listed.current).id;

  const socket = new WebSocket(`ws://localhost:${helper.port}/x`, {
    headers: { Cookie: other, Origin: helper.origin },
  });
  await once(socket, "open");
  const kept = new WebSocket(`ws://localhost:${helper.port}/x`, { headers: { Cookie: mine, Origin: helper.origin } });
  await once(kept, "open");
  const closed = once(socket, "close");
  const headers: [string, string][] = [
    ["Host", helper.host],
    ["Origin", helper.origin],
    ["Cookie", mine],
  ];
  assert.equal((await helper.send({ method: "DELETE", path: `/-/api/sessions/${otherId}`, headers })).status, 200);
  await closed;
  assert.equal(await status(helper, other), 401);
  assert.equal(await status(helper, mine), 200);
  assert.equal(kept.readyState, WebSocket.OPEN);
  assert.equal((await helper.send({ method: "DELETE", path: `/-/api/sessions/${otherId}`, headers })).status, 404);
  const gone = once(kept, "close");
  assert.equal((await helper.post("/-/logout", {}, [["Cookie", mine]])).status, 200);
  await gone;
});

test("a session ends after 12 h without use and after 7 days in any case", async (t) => {
  let now = Date.now();
  const helper = await openHelper(t, { clock: { now: () => now } });
  const hour = 3_600_000;
  const idle = await helper.logIn();
  now += 11 * hour;
  assert.equal(await status(helper, idle), 200);
  now += 11 * hour;
  assert.equal(await status(helper, idle), 200);
  now += 12 * hour + 1;
  assert.equal(await status(helper, idle), 401);

  const busy = await helper.logIn();
  for (let i = 0; i < 16; i++) {
    now += 10 * hour;
    assert.equal(await status(helper, busy), 200);
  }
  now += 9 * hour;
  assert.equal(await status(helper, busy), 401);
});

test("a visit without a session gets a page that goes on to the login; with one, the login goes on", async (t) => {
  const helper = await openHelper(t);
  const html: [string, string][] = [
    ["Accept", "text/html"],
    ["Sec-Fetch-Dest", "document"],
  ];
  const visit = await get(helper, "/?folder=/a b&x=<script>".replace(" ", "%20"), "", html);
  assert.equal(visit.status, 401);
  assert.match(
    visit.body,
    /http-equiv="refresh" content="0;url=\/-\/login\?to=%2F%3Ffolder%3D%2Fa%2520b%26x%3D%3Cscript%3E"/,
  );
  assert.doesNotMatch(visit.body, /<script/);
  const cookie = await helper.logIn();
  const onward = await get(helper, "/-/login?to=%2F%3Ffolder%3D%2Fa", cookie, html);
  assert.equal(onward.status, 303);
  assert.equal(onward.headers["location"], "/?folder=/a");
  const away = await get(helper, "/-/login?to=%2F%2Fevil.example", cookie, html);
  assert.equal(away.headers["location"], "/");
});

test("a form works without script", async (t) => {
  const helper = await openHelper(t);
  const headers: [string, string][] = [
    ["Host", helper.host],
    ["Origin", helper.origin],
    ["Content-Type", "application/x-www-form-urlencoded"],
  ];
  const body = new URLSearchParams({ password, to: "/-/" }).toString();
  const answer = await helper.send({ method: "POST", path: "/-/login", headers, body });
  assert.equal(answer.status, 303);
  assert.equal(answer.headers["location"], "/-/");
  assert.equal(await status(helper, (answer.headers["set-cookie"] ?? "").split(";")[0] ?? ""), 200);
});

test("many logins at once are answered in turn or told to come back, and nobody else waits", async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  const answers = Promise.all(Array.from({ length: 40 }, () => helper.post("/-/login", { password: "guess" })));
  const since = performance.now();
  assert.equal(await status(helper, cookie), 200);
  assert.ok(performance.now() - since < 1500);
  for (const { status: code } of await answers) assert.ok([401, 429, 503].includes(code), String(code));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { decide } from "./guard.ts";
import type { Incoming, Policy, Verdict } from "./guard.ts";
import { createPeers } from "./peers.ts";

const peers = createPeers(["10.9.0.0/16", "fd00::/8"]);
const policy: Policy = {
  auth: "password",
  release: "cart",
  basePath: "",
  origins: new Set(["https://listed.example"]),
  isProxy: (address) => peers.isProxy(address),
  mayVouch: ({ remoteAddress }) => remoteAddress !== "10.9.0.66",
  findSession: (value) => (value === "good" ? { key: "k", id: "i" } : undefined),
};

function ask(headers: Record<string, string>, more: Partial<Incoming> = {}, over: Partial<Policy> = {}): Verdict {
  const raw = Object.entries({ Host: "localhost:7777", ...headers }).flat();
  const incoming = {
    method: "GET",
    url: "/",
    rawHeaders: raw,
    upgrade: false,
    remoteAddress: "127.0.0.1",
    localAddress: "127.0.0.1",
    ...more,
  };
  return decide(incoming, { ...policy, ...over });
}
const codeOf = (verdict: Verdict) => ("code" in verdict ? verdict.code : verdict.allow ? "allowed" : "redirect");
const local = { Cookie: "inpod-cart=good" };
const tls = { Cookie: "__Host-inpod-cart=good", Host: "ide.example", "X-Forwarded-Proto": "https" };
const fromProxy = { remoteAddress: "::ffff:10.9.1.1" };

test("double Host, Origin, Cookie and Content-Type headers are refused whatever they say", () => {
  for (const name of ["Host", "Origin", "Cookie", "Content-Type", "Sec-Fetch-Site"]) {
    const value = { Host: "localhost:7777", Origin: "http://localhost:7777", Cookie: local.Cookie }[name] ?? "x";
    const rawHeaders = ["Host", "localhost:7777", "Cookie", local.Cookie, name, value, name.toLowerCase(), value];
    assert.equal(codeOf(ask({}, { rawHeaders })), "INPOD_REQUEST_MALFORMED", name);
  }
});

test("a Host that is none is refused", () => {
  for (const Host of [
    "",
    "a b",
    "localhost:7777:1",
    "user@localhost",
    "a/b",
    "[::1",
    "evil,localhost",
    "localhost:99999x",
  ])
    assert.equal(codeOf(ask({ ...local, Host })), "INPOD_REQUEST_MALFORMED", Host);
});

test("forwarded headers count from a listed proxy only", () => {
  assert.equal(codeOf(ask(tls, fromProxy)), "allowed");
  assert.equal(codeOf(ask(tls, { remoteAddress: "10.8.1.1" })), "INPOD_LOGIN_NEEDED");
  assert.equal(codeOf(ask(tls)), "INPOD_LOGIN_NEEDED");
  const change = { method: "POST", url: "/-/api/restart" };
  const json = { "Content-Type": "application/json", Origin: "https://ide.example" };
  assert.equal(codeOf(ask({ ...tls, ...json }, { ...change, ...fromProxy })), "allowed");
  assert.equal(codeOf(ask({ ...tls, ...json }, { ...change })), "INPOD_ORIGIN_FOREIGN");
  const host = { ...tls, ...json, Host: "10.0.0.1", "X-Forwarded-Host": "ide.example" };
  assert.equal(codeOf(ask(host, { ...change, ...fromProxy })), "allowed");
  assert.equal(codeOf(ask(host, change)), "INPOD_ORIGIN_FOREIGN");
});

test("default ports are no part of an origin", () => {
  const change = { method: "POST", url: "/-/api/restart", ...fromProxy };
  const json = { "Content-Type": "application/json", Origin: "https://ide.example" };
  assert.equal(codeOf(ask({ ...tls, ...json, Host: "ide.example:443" }, change)), "allowed");
  assert.equal(codeOf(ask({ ...tls, ...json, Host: "ide.example:80" }, change)), "INPOD_ORIGIN_FOREIGN");
});

test("a configured origin tells the scheme of its host without a trusted proxy", () => {
  const headers = { Host: "listed.example", Cookie: "__Host-inpod-cart=good", Origin: "https://listed.example" };
  const verdict = ask(headers, { upgrade: true });
  assert.ok(verdict.allow);
  assert.equal(verdict.own.scheme, "https");
});

test("plain HTTP to a name that isn't this machine has no session, whichever cookie comes", () => {
  for (const Cookie of ["inpod-cart=good", "__Host-inpod-cart=good"])
    assert.equal(codeOf(ask({ Cookie, Host: "ide.example" })), "INPOD_LOGIN_NEEDED");
  for (const Host of ["127.0.0.1:7777", "[::1]:7777", "localhost", "cart.localhost:7777"])
    assert.equal(codeOf(ask({ ...local, Host })), "allowed", Host);
  for (const Host of ["127.0.0.1.evil.example", "localhost.evil.example", "127.1.evil", "localhost."])
    assert.equal(codeOf(ask({ ...local, Host })), "INPOD_LOGIN_NEEDED", Host);
});

test("another page may link here and nothing else: no image, script, frame or fetch with our cookie", () => {
  for (const site of ["cross-site", "same-site"]) {
    const link = { ...local, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
    assert.equal(codeOf(ask(link)), "allowed");
    for (const dest of ["image", "script", "iframe", "empty", "embed", "worker"]) {
      const headers = { ...link, "Sec-Fetch-Dest": dest };
      assert.equal(codeOf(ask(headers, { url: "/vscode-remote-resource?path=/x" })), "INPOD_ORIGIN_FOREIGN", dest);
    }
    assert.equal(codeOf(ask({ ...link, "Sec-Fetch-Mode": "no-cors" })), "INPOD_ORIGIN_FOREIGN");
    assert.equal(codeOf(ask(link, { upgrade: true })), "INPOD_ORIGIN_FOREIGN");
  }
});

test("visits of pages are bounced, calls and upgrades are not", () => {
  const bounced = (headers: Record<string, string>, more: Partial<Incoming> = {}) => {
    const verdict = ask(headers, more);
    return "bounce" in verdict && verdict.bounce;
  };
  assert.equal(bounced({ "Sec-Fetch-Dest": "document" }), true);
  assert.equal(bounced({ Accept: "text/html,*/*" }), true);
  assert.equal(bounced({ Accept: "*/*" }), false);
  assert.equal(bounced({ Accept: "text/html", "Sec-Fetch-Dest": "empty" }), false);
  assert.equal(bounced({ Accept: "text/html" }, { method: "POST" }), false);
  assert.equal(bounced({ Accept: "text/html" }, { url: "/-/api/status" }), false);
  assert.equal(bounced({ Accept: "text/html", Origin: "http://localhost:7777" }, { upgrade: true }), false);
});

test("changes take JSON only; forms log in and out", () => {
  const change = (url: string, type: string, method = "POST") =>
    codeOf(ask({ ...local, Origin: "http://localhost:7777", "Content-Type": type }, { method, url }));
  assert.equal(change("/-/api/restart", "application/json; charset=utf-8"), "allowed");
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "",
    "application/jsonp",
  ])
    assert.equal(change("/-/api/restart", type), "INPOD_CONTENT_TYPE", type);
  assert.equal(change("/-/login", "application/x-www-form-urlencoded"), "allowed");
  assert.equal(change("/-/login", "text/plain"), "INPOD_CONTENT_TYPE");
  assert.equal(change("/-/api/sessions/a", "", "DELETE"), "allowed");
});

test("proxy login: the user header counts from a listed proxy that isn't in this pod", () => {
  const over = { auth: "proxy" as const };
  const headers = { "X-Forwarded-User": "ann", "X-Forwarded-Proto": "https", Host: "ide.example" };
  const verdict = ask(headers, fromProxy, over);
  assert.ok(verdict.allow);
  assert.equal(verdict.session?.id, "ann");
  assert.equal(codeOf(ask(headers, {}, over)), "INPOD_PROXY_NEEDED");
  assert.equal(codeOf(ask(headers, { remoteAddress: "10.9.0.66" }, over)), "INPOD_PROXY_NEEDED");
  assert.equal(codeOf(ask({ Host: "ide.example" }, fromProxy, over)), "INPOD_PROXY_NEEDED");
  assert.equal(codeOf(ask({ ...headers, ...local }, {}, over)), "INPOD_PROXY_NEEDED");
  const rawHeaders = [...Object.entries(headers).flat(), "X-Forwarded-User", "bob"];
  assert.equal(codeOf(ask({}, { ...fromProxy, rawHeaders }, over)), "INPOD_REQUEST_MALFORMED");
});

test("no login: only names that nobody else can point at us", () => {
  const over = { auth: "none" as const };
  for (const Host of ["localhost:7777", "10.0.0.7:7777", "[fd00::1]:7777"])
    assert.equal(codeOf(ask({ Host }, {}, over)), "allowed", Host);
  assert.equal(codeOf(ask({ Host: "listed.example" }, {}, over)), "allowed");
  assert.equal(codeOf(ask({ Host: "rebound.evil.example" }, {}, over)), "INPOD_HOST_UNKNOWN");
  const foreign = { Host: "localhost:7777", Origin: "http://evil.example" };
  assert.equal(codeOf(ask(foreign, { upgrade: true }, over)), "INPOD_ORIGIN_FOREIGN");
});

test("the client's address is what a listed proxy saw, never what a client says", () => {
  const of = (address: string, forwarded: string) =>
    peers.clientOf(address, { one: () => forwarded, has: () => true, twice: () => false });
  assert.equal(of("::ffff:10.9.1.1", "1.2.3.4, 5.6.7.8"), "5.6.7.8");
  assert.equal(of("10.9.1.1", "1.2.3.4, 10.9.2.2"), "1.2.3.4");
  assert.equal(of("5.5.5.5", "1.2.3.4"), "5.5.5.5");
  assert.equal(of("10.9.1.1", "nonsense"), "10.9.1.1");
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openHelper } from "../../helper/testing/open-helper.ts";
import { run } from "../program.ts";
import { lookThrough } from "./ingress.ts";
import type { Finding } from "./finding.ts";

/** An ingress in small: passes everything on, but for what `spoil` takes away. */
async function ingress(t: TestContext, to: number, spoil: (headers: IncomingHttpHeaders) => void): Promise<URL> {
  const server = createServer();
  const pass = (request: { method?: string | undefined; url?: string | undefined; headers: IncomingHttpHeaders }) => {
    spoil(request.headers);
    const head = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
    const onward = connect(to, "127.0.0.1");
    onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${head.join("")}\r\n`);
    return onward;
  };
  const answer = (request: Parameters<typeof pass>[0], socket: NodeJS.ReadWriteStream) => {
    request.headers.connection ??= "close";
    socket.on("error", () => {});
    pass(request)
      .on("error", () => {})
      .pipe(socket);
  };
  server.on("request", (request) => answer(request, request.socket));
  server.on("upgrade", (request, socket) => answer(request, socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://localhost:${(server.address() as AddressInfo).port}/`);
}

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level);

test("through an ingress: all is well, or the header that was lost is named", async (t) => {
  const helper = await openHelper(t);
  const through = async (spoil: (headers: IncomingHttpHeaders) => void) =>
    lookThrough(await ingress(t, helper.port, spoil));
  assert.deepEqual(levels(await through(() => {})), ["ok", "ok"]);

  const rewritten = await through((headers) => (headers.host = "cart.svc:7777"));
  assert.deepEqual(levels(rewritten), ["fail", "fail"]);
  assert.match(rewritten[0]?.found ?? "", /told http:\/\/cart\.svc:7777: Host is rewritten/);
  assert.match(rewritten[1]?.found ?? "", /Origin arrives/);

  const [, noUpgrade] = await through((headers) => {
    delete headers.upgrade;
    headers.connection = "close";
  });
  assert.match(noUpgrade?.found ?? "", /Upgrade and Connection are lost/);
  const [, noOrigin] = await through((headers) => delete headers.origin);
  assert.match(noOrigin?.found ?? "", /the Origin header is lost/);
  assert.deepEqual(levels(await lookThrough(new URL("http://localhost:1/"))), ["fail"]);
});

test("an https address whose scheme the helper isn't told names X-Forwarded-Proto", async () => {
  const { judgeHealth } = await import("./ingress.ts");
  const answer = { status: 200, headers: {}, body: JSON.stringify({ ok: true, origin: "http://cart.example" }) };
  const { level, found } = judgeHealth(new URL("https://cart.example/"), answer);
  assert.equal(level, "fail");
  assert.match(found, /X-Forwarded-Proto is lost/);
  const login = judgeHealth(new URL("https://cart.example/"), {
    status: 302,
    headers: { location: "/oauth2" },
    body: "",
  });
  assert.match(login.found, /sends to \/oauth2/);
  assert.match(
    judgeHealth(new URL("https://cart.example/"), { status: 404, headers: {}, body: "default backend" }).found,
    /something else than inpod: 404/,
  );
});

test("inpod doctor: lines for people, one object for programs, exit 1 when something fails", async (t) => {
  const helper = await openHelper(t, { env: { INPOD_SOURCE_PATH: "/tmp" } });
  await mkdir(join(helper.home, "bin"));
  await mkdir(helper.paths.appDir("app"), { recursive: true });
  await writeFile(helper.paths.liveness("app"), "");
  await symlink("/bin/true", helper.paths.kit);
  const live = createServer((request, response) => response.writeHead(request.url === "/live/app" ? 200 : 404).end());
  live.listen(0, "127.0.0.1");
  await once(live, "listening");
  t.after(() => live.close());
  const doctor = async (env: Record<string, string>, ...args: string[]) => {
    let out = "";
    let said = "";
    const code = await run("inpod", ["doctor", ...args], {
      env: { INPOD_HOME: helper.home, INPOD_LIVE_PORT: String((live.address() as AddressInfo).port), ...env },
      out: (text) => (out += text),
      say: (text) => (said += text),
      colour: false,
      nameOwners: () => {},
      stop: new AbortController().signal,
    });
    return { code, out, said };
  };
  const json = await doctor({}, "--json", "--url", helper.origin);
  const { ok, findings } = JSON.parse(json.out) as { ok: boolean; findings: Finding[] };
  const byName = Object.fromEntries(findings.map((one) => [one.name, one]));
  assert.equal(byName["helper"]?.level, "warn", "the test's helper says another version");
  assert.equal(byName["app: probe"]?.level, "ok");
  assert.match(byName["source volume"]?.found ?? "", /^\/tmp can be written/);
  assert.match(byName["inotify"]?.found ?? "", /\d+ of \d+ watches and \d+ of \d+ instances used here/);
  assert.equal(byName["way in"]?.level, "ok");
  assert.equal(byName["upgrade"]?.level, "ok");
  assert.equal(json.code, ok ? 0 : 1);

  const broken = await doctor({ INPOD_LIVE_PORT: "1" });
  assert.equal(broken.code, 1);
  assert.match(broken.out, /^fail {2}app: probe +nothing answers the kubelet's probe: .*ECONNREFUSED.*\n +fix: /m);
  for (const url of ["cart", "ftp://cart.example", "https://cart.example/?a=b"]) {
    const wrong = await doctor({}, "--url", url);
    assert.deepEqual([wrong.code, wrong.out], [2, ""], url);
    assert.ok(wrong.said.includes(url), wrong.said);
  }
});

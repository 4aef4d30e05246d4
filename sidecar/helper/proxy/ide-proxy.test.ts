import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as ask } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { openHelper } from "../testing/open-helper.ts";
import type { OpenHelper } from "../testing/open-helper.ts";

const MiB = 1024 * 1024;

/** A request of a logged-in browser. */
function browser(
  helper: OpenHelper,
  cookie: string,
  path: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string | number> } = {},
): ClientRequest {
  return ask({
    host: "127.0.0.1",
    port: helper.port,
    path,
    method,
    agent: false,
    headers: { Host: helper.host, Origin: helper.origin, Cookie: cookie, ...headers },
  });
}

async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return answer;
}

test("no cookie, authorization or forwarded header of ours reaches the IDE; its own do", async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  const headers: [string, string][] = [
    ["Host", helper.host],
    ["Origin", helper.origin],
    ["Cookie", `theirs=1; ${cookie}; __Host-inpod-cart=x; inpod-other=y; code-server-session=2`],
    ["Authorization", "Bearer secret-of-a-proxy"],
    ["Proxy-Authorization", "Basic secret"],
    ["X-Forwarded-User", "ann"],
    ["X-Forwarded-Access-Token", "secret"],
    ["X-Forwarded-For", "6.6.6.6"],
    ["X-Forwarded-Host", "evil.example"],
    ["X-Auth-Request-Email", "ann@x"],
    ["Referer", `${helper.origin}/-/login?token=secret`],
    ["Connection", "close, X-Hop"],
    ["X-Hop", "1"],
    ["TE", "trailers"],
    ["X-Own", "kept"],
  ];
  const upgrade: [string, string][] = [
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="],
  ];
  assert.equal((await helper.send({ path: "/x?y=1", headers })).status, 200);
  const upgraded = headers.map(([name, value]): [string, string] => [name, name === "Connection" ? "Upgrade" : value]);
  assert.equal((await helper.send({ path: "/ws?y=1", headers: [...upgraded, ...upgrade] })).status, 101);
  assert.equal(helper.ide?.seen.length, 2);
  for (const seen of helper.ide?.seen ?? []) {
    assert.equal(seen.headers.cookie, "theirs=1; code-server-session=2");
    assert.equal(seen.headers.host, helper.host);
    assert.equal(seen.headers["x-own"], "kept");
    assert.equal(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(seen.headers["x-forwarded-host"], helper.host);
    assert.equal(seen.headers["x-forwarded-proto"], "http");
    for (const name of ["authorization", "proxy-authorization", "x-forwarded-user", "x-forwarded-access-token", "te"])
      assert.equal(seen.headers[name], undefined, name);
    for (const name of ["x-auth-request-email", "referer"]) assert.equal(seen.headers[name], undefined, name);
  }
  assert.equal(helper.ide?.seen[0]?.headers["x-hop"], undefined);
});

test("the IDE can set its cookies and none of ours, on answers and on upgrades", async (t) => {
  const helper = await openHelper(t, {
    ide: (_, response) => {
      for (const cookie of [
        "theirs=1; Path=/",
        "inpod-cart=stolen; Path=/",
        " __Host-inpod-cart=stolen",
        "INPOD-cart=x",
      ])
        response.appendHeader("Set-Cookie", cookie);
      response.setHeader("Clear-Site-Data", `"cookies"`).setHeader("X-Multi", ["1", "2"]);
      response.end("ok");
    },
  });
  const cookie = await helper.logIn();
  const { headers } = await helper.send({
    path: "/",
    headers: [
      ["Host", helper.host],
      ["Cookie", cookie],
    ],
  });
  assert.equal(headers["set-cookie"], "theirs=1; Path=/");
  assert.equal(headers["clear-site-data"], undefined);
  assert.equal(headers["x-multi"], "1\n2");
  assert.equal(headers["x-frame-options"], "SAMEORIGIN");
});

test("a base path is stripped, status, headers and bodies pass as they are", async (t) => {
  const helper = await openHelper(t, {
    env: { INPOD_BASE_PATH: "/team/cart" },
    ide: (request, response) => {
      response.writeHead(418, "Teapot", { "X-Path": request.url, ETag: `"1"` });
      response.end(request.method === "HEAD" ? undefined : "body");
    },
  });
  const login = await helper.post("/team/cart/-/login", { password: "correct horse battery staple" });
  const cookie = (login.headers["set-cookie"] ?? "").split(";")[0] ?? "";
  const answer = await answerTo(browser(helper, cookie, "/team/cart/a%2Fb//c?d=//e").end());
  assert.equal(answer.statusCode, 418);
  assert.equal(answer.statusMessage, "Teapot");
  assert.equal(answer.headers["x-path"], "/a%2Fb//c?d=//e");
  assert.equal(answer.headers["etag"], `"1"`);
  answer.resume();
  const { status, headers } = await helper.send({
    path: "/team/cart",
    headers: [
      ["Host", helper.host],
      ["Cookie", cookie],
    ],
  });
  assert.equal(status, 308);
  assert.equal(headers["location"], "/team/cart/");
  assert.equal(
    (
      await helper.send({
        path: "/",
        headers: [
          ["Host", helper.host],
          ["Cookie", cookie],
        ],
      })
    ).status,
    404,
  );
});

test("bodies of every framing arrive whole and alone: one request in is one request out", async (t) => {
  const bodies: string[] = [];
  const helper = await openHelper(t, {
    ide: (request, response) => {
      let body = "";
      request.setEncoding("latin1").on("data", (chunk: string) => (body += chunk));
      request.on("end", () => {
        bodies.push(`${request.method} ${body}`);
        response.end();
      });
    },
  });
  const cookie = await helper.logIn();
  const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const method of ["POST", "PUT", "GET", "DELETE", "PATCH"]) {
    for (const headers of [{ "Transfer-Encoding": "chunked" }, { "Content-Length": smuggled.length }]) {
      const request = browser(helper, cookie, "/", { method, headers });
      request.end(smuggled);
      (await answerTo(request)).resume();
    }
    const empty = browser(helper, cookie, "/", { method }).end();
    (await answerTo(empty)).resume();
  }
  assert.equal(helper.ide?.seen.length, 15);
  assert.equal(bodies.filter((body) => body.endsWith(smuggled)).length, 10);
});

test("ambiguous framing is refused by the parser", async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  const base: [string, string][] = [
    ["Host", helper.host],
    ["Cookie", cookie],
    ["Origin", helper.origin],
  ];
  const ambiguous: [string, string][][] = [
    [
      ["Content-Length", "4"],
      ["Transfer-Encoding", "chunked"],
    ],
    [
      ["Content-Length", "4"],
      ["Content-Length", "5"],
    ],
    [["Transfer-Encoding", "chunked, identity"]],
    [["Transfer-Encoding", "xchunked"]],
    [["Content-Length", "+4"]],
    [["Content-Length ", "4"]],
    [["X", "a\rSmuggled: 1"]],
    [["Expect", "nothing"]],
  ];
  for (const headers of ambiguous) {
    const { status } = await helper.send({ method: "POST", path: "/", headers: [...base, ...headers] });
    assert.ok(status >= 400 && status < 500, `${JSON.stringify(headers)}: ${status}`);
  }
  assert.deepEqual(helper.ide?.seen, []);
});

test("a large download and upload stream through whole", { timeout: 60_000 }, async (t) => {
  const block = randomBytes(MiB);
  const blocks = 32;
  let uploaded = 0;
  const helper = await openHelper(t, {
    ide: (request, response) => {
      if (request.method === "POST") {
        request.on("data", (chunk: Buffer) => (uploaded += chunk.length));
        return void request.on("end", () => response.end());
      }
      let left = blocks;
      const more = () => {
        while (left > 0) {
          left--;
          if (!response.write(block)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    },
  });
  const cookie = await helper.logIn();
  const answer = await answerTo(browser(helper, cookie, "/big").end());
  const got = createHash("sha256");
  let size = 0;
  for await (const chunk of answer) {
    got.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  const expected = createHash("sha256");
  for (let i = 0; i < blocks; i++) expected.update(block);
  assert.equal(size, blocks * MiB);
  assert.equal(got.digest("hex"), expected.digest("hex"));

  const upload = browser(helper, cookie, "/up", { method: "POST", headers: { "Transfer-Encoding": "chunked" } });
  const answered = answerTo(upload);
  for (let i = 0; i < blocks; i++) if (!upload.write(block)) await once(upload, "drain");
  upload.end();
  (await answered).resume();
  assert.equal(uploaded, blocks * MiB);
});

test("a browser that reads slowly slows the IDE down", async (t) => {
  let written = 0;
  const helper = await openHelper(t, {
    ide: (_, response) => {
      const block = Buffer.alloc(64 * 1024);
      const more = () => {
        for (;;) {
          if (response.destroyed) return;
          written += block.length;
          if (!response.write(block)) return void response.once("drain", more);
        }
      };
      more();
    },
  });
  const cookie = await helper.logIn();
  const socket = connect(helper.port, "127.0.0.1");
  socket.pause();
  socket.write(`GET /endless HTTP/1.1\r\nHost: ${helper.host}\r\nCookie: ${cookie}\r\n\r\n`);
  await sleep(1500);
  const settled = written;
  await sleep(500);
  assert.ok(settled > 0 && written === settled, `${settled}, then ${written}`);
  assert.ok(written < 32 * MiB, `${written} bytes in flight`);
  socket.destroy();
});

test("who goes away on one side is gone on the other", async (t) => {
  const gone: string[] = [];
  const helper = await openHelper(t, {
    ide: (request, response) => {
      if (request.url === "/cut") {
        response.writeHead(200, { "Content-Length": 1000 });
        response.write("some");
        return void setTimeout(() => response.destroy(), 50);
      }
      response.on("close", () => gone.push(`answer ${request.url}`));
      request.on("close", () => gone.push(`request ${request.url}`));
      response.write("first");
    },
  });
  const cookie = await helper.logIn();
  const download = browser(helper, cookie, "/download").end();
  await answerTo(download);
  download.destroy();
  const upload = browser(helper, cookie, "/upload", { method: "POST", headers: { "Content-Length": 1000 } });
  upload.on("error", () => {});
  upload.write("part");
  await answerTo(upload);
  upload.destroy();
  while (!gone.includes("answer /download") || !gone.includes("request /upload")) await sleep(10);
  const cut = await answerTo(browser(helper, cookie, "/cut").end());
  await assert.rejects(async () => {
    for await (const chunk of cut) void chunk;
  }, /aborted/);
});

test("WebSockets: both ways, large, close codes, and the end when the IDE's side dies", async (t) => {
  const helper = await openHelper(t);
  const cookie = await helper.logIn();
  const open = async () => {
    const socket = new WebSocket(`ws://localhost:${helper.port}/ws`, {
      headers: { Cookie: cookie, Origin: helper.origin },
    });
    await once(socket, "open");
    return socket;
  };
  const socket = await open();
  const message = randomBytes(4 * MiB);
  socket.send(message);
  const [echoed] = (await once(socket, "message")) as [Buffer];
  assert.ok(echoed.equals(message));
  socket.close(4001, "why");
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  assert.equal(code, 4001);
  assert.equal(reason.toString(), "why");

  const cut = await open();
  const closed = once(cut, "close");
  await helper.ide?.close();
  await closed;
});

test("without an IDE: a page that tries again by itself, JSON for scripts, an end for upgrades", async (t) => {
  const helper = await openHelper(t, { ide: null });
  const cookie = await helper.logIn();
  const base: [string, string][] = [
    ["Host", helper.host],
    ["Cookie", cookie],
  ];
  const visit = await helper.send({
    path: "/",
    headers: [...base, ["Accept", "text/html"], ["Sec-Fetch-Dest", "document"]],
  });
  assert.equal(visit.status, 503);
  assert.match(visit.body, /http-equiv="refresh"/);
  const script = await helper.send({ path: "/x.js", headers: base });
  assert.equal(script.status, 502);
  assert.match(script.body, /INPOD_IDE_DOWN/);
  const upgrade: [string, string][] = [
    ["Origin", helper.origin],
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
  ];
  assert.equal((await helper.send({ path: "/ws", headers: [...base, ...upgrade] })).status, 502);
});

test("the IDE's own no to an upgrade comes through", async (t) => {
  const { createServer } = await import("node:http");
  const helper = await openHelper(t, { ide: null });
  const no = createServer((_, response) => response.writeHead(426, { "X-Why": "because" }).end("no"));
  no.listen(helper.paths.ideSocket);
  await once(no, "listening");
  t.after(() => void no.close());
  const cookie = await helper.logIn();
  const headers: [string, string][] = [
    ["Host", helper.host],
    ["Cookie", cookie],
    ["Origin", helper.origin],
  ];
  const upgrade: [string, string][] = [
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
  ];
  const answer = await helper.send({ path: "/ws", headers: [...headers, ...upgrade] });
  assert.equal(answer.status, 426);
  assert.equal(answer.headers["x-why"], "because");
  no.closeAllConnections();
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createPlainServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { builds, run, start, temporaryDirectory, until } from "./test-kit.ts";

type Answer = (body: string, request: IncomingMessage, response: ServerResponse) => void;

async function helper(t: TestContext, answer: Answer): Promise<string> {
  const socket = join(await temporaryDirectory(t), "api.sock");
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => answer(body, request, response));
  }).listen(socket);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return socket;
}

/** What takes the kit's place says with what. */
const instead = ["/bin/sh", "-c", 'printf "%s|" "$INPOD_REQUEST_ID" "$@"; exit 7', "sh", "first"];

for (const { build, kit } of builds) {
  describe(`kit ask (${build})`, () => {
    test("the words arrive as they were typed; both outputs and the exit code come back", async (t) => {
      let asked: { id: string; name: string; words: string[]; colour: boolean } | undefined;
      const long = "x".repeat(100_000);
      const socket = await helper(t, (body, request, response) => {
        asked = JSON.parse(body);
        assert.equal(`${request.method} ${request.url} ${request.httpVersion}`, "POST /-/api/command 1.0");
        response.writeHead(200);
        response.write("o 4\nöut");
        response.write("e 5\nwo");
        setTimeout(() => response.end(`rdso ${long.length}\n${long}o 0\nx 3\n`), 20);
      });
      const words = ["app", 'a "quoted" \\ one', "tab\tline\n", "ümlaut", ""];
      const { code, out, err } = await run(t, kit, ["ask", socket, "restart", ...instead, "--", ...words]);
      assert.deepEqual([code, err, out === `öut${long}`], [3, "words", true]);
      assert.deepEqual({ ...asked, id: "" }, { id: "", name: "restart", words, colour: false });
      assert.match(asked?.id ?? "", /^[0-9a-f]{32}$/);
    });

    test("no helper, a refusal, nonsense: the program takes its place, with the words", async (t) => {
      const refusing = await helper(t, (_body, _request, response) => response.writeHead(404).end("{}"));
      const folder = await temporaryDirectory(t);
      const nonsense = join(folder, "nonsense.sock");
      const server = createPlainServer((connection: Socket) =>
        connection.on("error", () => {}).end("n".repeat(20_000)),
      ).listen(nonsense);
      await once(server, "listening");
      t.after(() => server.close());
      for (const socket of [join(folder, "none.sock"), "x".repeat(200), refusing, nonsense]) {
        const { code, out, err } = await run(t, kit, ["ask", socket, "inpod", ...instead, "--", "logs", "--", "a b"]);
        assert.equal(code, 7, err);
        assert.match(out, /^[0-9a-f]{32}\|first\|logs\|--\|a b\|$/);
      }
    });

    test("more words than the helper takes are the program's", async (t) => {
      const socket = await helper(t, () => assert.fail("it was asked"));
      const { code } = await run(t, kit, ["ask", socket, "restart", ...instead, "--", "w".repeat(20_000)]);
      assert.equal(code, 7);
    });

    test("a helper that goes away in between: the program goes on with the same request", async (t) => {
      let id = "";
      for (const cut of [
        "",
        "o",
        "o 9\nhal",
        "e 2\nhi",
        "q 1\n?",
        "o -1\n",
        "o 99999999999999999999\n",
        "12345678901234567890123456",
      ]) {
        const socket = await helper(t, (body, _request, response) => {
          id = JSON.parse(body).id;
          response.writeHead(200);
          response.write(cut, () => setTimeout(() => response.destroy(), 5));
          if (cut === "") response.flushHeaders();
        });
        const { code, out, err } = await run(t, kit, ["ask", socket, "restart", ...instead, "--", "app"]);
        assert.equal(code, 7, JSON.stringify(cut));
        assert.ok(out.endsWith(`${id}|first|app|`), out);
        assert.match(err, /the helper went away: asking again/);
      }
    });

    test("Ctrl-C ends the wait and the connection, and says that the restart goes on", async (t) => {
      let closed = false;
      const socket = await helper(t, (_body, _request, response) => {
        response.on("close", () => (closed = true));
        response.writeHead(200);
        response.write("e 6\nasked\n");
      });
      const asking = start(t, kit, ["ask", socket, "restart", ...instead, "--", "app"]);
      await until("it has asked", () => asking.err() === "asked\n");
      asking.process.kill("SIGINT");
      assert.equal(await asking.ended, 1);
      assert.match(asking.err(), /no longer waiting; a restart that was asked for goes on/);
      await until("the helper knows", () => closed);
    });

    test("asked who holds a port, it looks beside itself", async (t) => {
      const server = createPlainServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const socket = await helper(t, (_body, _request, response) => response.end(`o 2\nhip ${port}\nx 3\n`));
      const { code, out, err } = await run(t, kit, ["ask", socket, "restart", ...instead, "--"]);
      assert.deepEqual([code, out], [3, "hi"]);
      assert.match(err, new RegExp(`^port ${port} is held by ".*node.*" \\(pid ${process.pid}\\)`));
    });

    test("a program that can't be run is a sentence", async (t) => {
      const { code, err } = await run(t, kit, ["ask", "/nonexistent", "restart", "/no/such/node", "--"]);
      assert.equal(code, 1);
      assert.match(err, /\/no\/such\/node can't be run: No such file/);
    });
  });
}

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { ensureCodeServer, ideFlags } from "../../sidecar/code-server/index.ts";
import { openHelper } from "../../sidecar/helper/testing/open-helper.ts";

const cache = process.env["INPOD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "inpod");

test("a real code-server behind the door: its page, its files, its WebSocket", { timeout: 600_000 }, async (t) => {
  const server = await ensureCodeServer({
    cache,
    node: process.execPath,
    env: process.env,
    path: "",
    progress: (line) => console.error(line),
  });
  const helper = await openHelper(t, { ide: null });
  const work = join(helper.home, "work");
  await mkdir(work);
  const flags = ideFlags({ home: helper.home, userHome: helper.home, release: "cart" });
  const env = { PATH: process.env["PATH"], HOME: helper.home };
  const [program, ...args] = server.command;
  const ide = spawn(program, [...args, ...flags, work], { env, stdio: "ignore", detached: true });
  t.after(async () => {
    const ended = once(ide, "exit");
    if (ide.pid !== undefined) process.kill(-ide.pid, "SIGKILL");
    await ended;
  });
  const cookie = await helper.logIn();
  const get = (path: string) =>
    helper.send({
      path,
      headers: [
        ["Host", helper.host],
        ["Cookie", cookie],
        ["Accept", "text/html"],
      ],
    });
  while ((await get("/healthz")).status !== 200) await sleep(200);

  const start = await get("/");
  assert.equal(start.status, 302);
  const page = await get(`/?folder=${work}`);
  assert.equal(page.status, 200);
  assert.match(page.body, /id="vscode-workbench-web-configuration"/);
  const [, script] = /src="\.?\/?([^"]+workbench\.js)"/.exec(page.body) ?? [];
  assert.ok(script !== undefined);
  assert.equal((await get(`/${script}`)).status, 200);
  assert.equal((await get("/proxy/8080/")).status >= 400, true, "its port proxy is off");

  const [, commit] = /(stable-[\da-f]+)/.exec(page.body) ?? [];
  const url = `ws://localhost:${helper.port}/${commit}?reconnectionToken=1b4e28ba-2fa1-11d2-883f-0016d3cca427&reconnection=false&skipWebSocketFrames=false`;
  const socket = new WebSocket(url, { headers: { Cookie: cookie, Origin: helper.origin } });
  await once(socket, "open");
  socket.close();
});

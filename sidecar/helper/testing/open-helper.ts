import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pathsIn } from "../../protocol/index.ts";
import { parseConfig } from "../config.ts";
import type { AccessLine } from "../door/front-door.ts";
import { startHelper } from "../helper.ts";
import { fakeController } from "./fake-controller.ts";
import { fakeIde } from "./fake-ide.ts";
import { rawRequest } from "./raw-client.ts";
import type { RawRequest } from "./raw-client.ts";

export const password = "correct horse battery staple";

export interface Options {
  readonly env?: Readonly<Record<string, string>>;
  /** What the IDE answers; null: there is none. */
  readonly ide?: RequestListener | null;
  readonly clock?: { now(): number };
}

/** A whole helper on port 0 with a fake IDE and a fake controller behind it, in a folder of its own. */
export async function openHelper(t: TestContext, options: Options = {}) {
  const home = await mkdtemp(join(tmpdir(), "inpod-helper-"));
  const assets = join(home, "web-ui");
  await mkdir(join(assets, "assets"), { recursive: true });
  await mkdir(join(home, "run"));
  await writeFile(join(home, "password"), `${password}\n`);
  await writeFile(join(assets, "index.html"), `<script nonce="__NONCE__" src="__BASE__/-/assets/main-1.js"></script>`);
  await writeFile(join(assets, "login.html"), `<script nonce="__NONCE__"></script><body data-base="__BASE__">log in`);
  await writeFile(join(assets, "assets/main-1.js"), "export {};\n");
  const paths = pathsIn(home);
  const ide = options.ide === null ? undefined : await fakeIde(paths.ideSocket, options.ide);
  const controller = fakeController();
  const lines: AccessLine[] = [];
  const said: unknown[] = [];
  const config = parseConfig({
    INPOD_HOME: home,
    INPOD_PORT: "0",
    INPOD_HOST: "127.0.0.1",
    INPOD_RELEASE: "cart",
    INPOD_AUTH_MODE: "password",
    INPOD_PASSWORD_FILE: join(home, "password"),
    INPOD_LOGIN_TOKEN_FILE: join(home, "login-token"),
    INPOD_STATE_DIR: join(home, "state"),
    INPOD_APPS: JSON.stringify([{ name: "app", port: 8080, process: true, container: true, threshold: 2 }]),
    ...options.env,
  });
  const start = () =>
    startHelper({
      config,
      version: "0.0.0-test",
      assets,
      controller,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      log: {
        access: (line) => lines.push(line),
        warn: (sentence) => said.push(sentence),
        error: (error) => said.push(error),
      },
    });
  let helper = await start();
  t.after(async () => {
    await helper.close();
    await ide?.close();
    await rm(home, { recursive: true, maxRetries: 3 });
  });

  const origin = () => `http://localhost:${helper.port}`;
  const opened = {
    home,
    paths,
    ide,
    controller,
    lines,
    said,
    get port() {
      return helper.port;
    },
    get origin() {
      return origin();
    },
    get host() {
      return `localhost:${helper.port}`;
    },
    send: (request: RawRequest) => rawRequest({ port: helper.port }, request),
    /** On the Unix socket. */
    ask: (request: RawRequest) => rawRequest({ path: paths.apiSocket }, request),
    post: (path: string, body: object, headers: readonly (readonly [string, string])[] = []) =>
      rawRequest(
        { port: helper.port },
        {
          method: "POST",
          path,
          headers: [
            ["Host", `localhost:${helper.port}`],
            ["Origin", origin()],
            ["Content-Type", "application/json"],
            ...headers,
          ],
          body: JSON.stringify(body),
        },
      ),
    /** Logs in and gives back the Cookie header's value. */
    async logIn(): Promise<string> {
      const { status, headers, body } = await opened.post("/-/login", { password });
      if (status !== 200) throw new Error(`login answered ${status}: ${body}`);
      return (headers["set-cookie"] ?? "").split(";")[0] ?? "";
    },
    close: () => helper.close(),
    /** As after a kill: the same folder, a new process's memory. */
    async restartHelper() {
      await helper.close();
      helper = await start();
    },
  };
  return opened;
}

export type OpenHelper = Awaited<ReturnType<typeof openHelper>>;

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readdir, symlink } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CodeServer, ideFlags } from "../sidecar/code-server/index.ts";
import { until } from "./wait.ts";

export interface RealIde {
  /** `http://localhost:PORT`, where a plain TCP front stands in for the helper. */
  readonly origin: string;
  /** What code-server has said so far. */
  said(): string;
  close(): Promise<void>;
}

/**
 * code-server with inpod's flags on `<home>/run/ide.sock`, with HOME and INPOD_HOME at `home`, and a front before it that
 * leaves requests to `mine` while that returns true.
 */
export async function startRealIde(options: {
  readonly server: CodeServer;
  readonly home: string;
  /** Folder that is opened. */
  readonly folder: string;
  /** Folder of an extension, put beside code-server's own under its name. */
  readonly extension: { readonly name: string; readonly folder: string };
  readonly mine?: (request: IncomingMessage, response: ServerResponse) => boolean;
}): Promise<RealIde> {
  const { server, home, folder } = options;
  await mkdir(join(home, "run"), { recursive: true });
  const builtinExtensions = await allExtensions(server, home, options.extension);
  const [program, ...args] = server.command;
  const flags = ideFlags({ home, userHome: home, release: "test", builtinExtensions });
  const child = spawn(program, [...args, ...flags, folder], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], HOME: home, INPOD_HOME: home, SHELL: "/bin/sh" },
  });
  let said = "";
  const hear = (chunk: Buffer) => {
    said += chunk.toString("utf8");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const socket = join(home, "run/ide.sock");
  const front = await openFront(socket, options.mine ?? (() => false));
  try {
    await until("code-server listens", () => accepts(socket), { seconds: 60 });
  } catch (error) {
    front.close();
    await stop(child);
    throw new Error(`code-server did not come up:\n${said}`, { cause: error });
  }
  return {
    origin: `http://localhost:${(front.address() as AddressInfo).port}`,
    said: () => said,
    async close() {
      front.close();
      front.closeAllConnections();
      await stop(child);
    },
  };
}

/** A folder with a link to each of code-server's extensions and to one of ours. */
async function allExtensions(
  server: CodeServer,
  home: string,
  extension: { readonly name: string; readonly folder: string },
): Promise<string> {
  const all = join(home, "extensions");
  await mkdir(all, { recursive: true });
  const theirs = join(server.root ?? "", "lib/vscode/extensions");
  for (const name of await readdir(theirs)) await symlink(join(theirs, name), join(all, basename(name)));
  await symlink(extension.folder, join(all, extension.name));
  return all;
}

async function openFront(
  socket: string,
  mine: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<Server> {
  const front = createServer((incoming, outgoing) => {
    if (mine(incoming, outgoing)) return;
    const { method, url: path, headers } = incoming;
    const onward = request({ socketPath: socket, method, path, headers });
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  front.on("upgrade", (incoming, client, head) => {
    const upstream = connect(socket);
    const headers = incoming.rawHeaders.reduce((text, part, i) => text + part + (i % 2 === 0 ? ": " : "\r\n"), "");
    upstream.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers}\r\n`);
    upstream.write(head);
    upstream.pipe(client).on("error", () => upstream.destroy());
    client.pipe(upstream).on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  return front;
}

/** Its whole group: code-server's own children too. */
async function stop({ pid }: ChildProcess): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    try {
      if (pid !== undefined) process.kill(-pid, signal);
    } catch {
      return;
    }
    await sleep(1000);
  }
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = connect(socket);
    attempt.on("connect", () => {
      attempt.destroy();
      resolve(true);
    });
    attempt.on("error", () => resolve(false));
  });
}

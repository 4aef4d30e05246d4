import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundle, endBuildService } from "../../../build.ts";
import { buildKit } from "../../../restart-controller/native/build.ts";
import { run } from "../../cli/program.ts";
import { nodeEnvironment, nodeFlags } from "../../helper/node-flags.ts";
import { pathsIn, type RestartRecord, type Status } from "../../protocol/index.ts";
import { createApiClient } from "../../cli/api-client.ts";
import { agentFlags } from "../node-flags.ts";

// As they ship: without a JIT, Node can't read TypeScript.
const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const helperProgram = join(dist, "helper.mjs");
const agentProgram = join(dist, "source-agent.mjs");
await bundle("sidecar/helper/main.ts", helperProgram, "0.0.0-test");
await bundle("sidecar/source-agent/main.ts", agentProgram, "0.0.0-test");
await endBuildService();

/** Answers the version that it was started with. */
export const serverOf = (version: string) => `import { createServer } from "node:http";
const server = createServer((request, response) => response.end(${JSON.stringify(version)}));
server.listen(Number(process.env.PORT), "127.0.0.1");
`;

export interface PodOptions {
  /** `INPOD_RESTART_…` of the agent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly git?: boolean;
  readonly command?: readonly string[];
  /** Files of the source beside server.mjs. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The programs of a pod without its IDE and kubelet: a supervised app, the helper, the source agent, on one folder. */
export async function openPod(t: { after(work: () => Promise<void>): void }, options: PodOptions = {}) {
  const home = await mkdtemp(join(tmpdir(), "inpod-src-"));
  const root = join(home, "source");
  const paths = pathsIn(home);
  const kit = await buildKit();
  const port = await freePort();
  for (const folder of [root, join(home, "run"), join(home, "tmp"), join(home, "web-ui"), paths.appDir("app")])
    await mkdir(folder, { recursive: true });
  await writeFile(join(home, "web-ui/index.html"), "");
  await writeFile(paths.liveness("app"), "");
  const put = (path: string, text: string) => writeFile(join(root, path), text);
  await put("server.mjs", serverOf("first"));
  for (const [path, text] of Object.entries(options.files ?? {})) await put(path, text);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", root, "-c", "user.name=me", "-c", "user.email=me@example.com", ...args], {
      encoding: "utf8",
    });
  if (options.git === true) {
    git("init", "-q", "-b", "main");
    git("add", "-A");
    git("commit", "-qm", "first");
  }

  const children = new Set<ChildProcess>();
  let output = "";
  const start = (argv: readonly string[], env: Readonly<Record<string, string>>) => {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, {
      cwd: root,
      env: { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: join(home, "tmp"), INPOD_HOME: home, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    children.add(child);
    child.on("exit", () => children.delete(child));
    return child;
  };
  const command = options.command ?? [process.execPath, "server.mjs"];
  start([kit, "supervise", "--dir", paths.appDir("app"), "--grace", "2s", "--", ...command], { PORT: String(port) });
  const builds = options.env?.["INPOD_RESTART_BUILD"] !== undefined;
  const helper = () =>
    start([process.execPath, ...nodeFlags, helperProgram], {
      ...nodeEnvironment,
      INPOD_HOST: "127.0.0.1",
      INPOD_PORT: "0",
      INPOD_AUTH_MODE: "none",
      INPOD_MODE: "local",
      INPOD_LOG_LEVEL: "warn",
      INPOD_STATE_DIR: join(home, "state"),
      INPOD_ASSETS: join(home, "web-ui"),
      INPOD_APPS: JSON.stringify([{ name: "app", port, process: true, container: false, threshold: 2 }]),
      INPOD_BUILDS: String(builds),
    });
  const agent = () =>
    start([process.execPath, ...agentFlags, agentProgram], {
      INPOD_SOURCE_PATH: root,
      INPOD_RESTART_APPS: "app",
      ...options.env,
    });
  const client = createApiClient(paths.apiSocket, new AbortController().signal);
  t.after(async () => {
    for (const child of children) child.kill("SIGTERM");
    for (let i = 0; i < 250 && children.size > 0; i++) await sleep(20);
    for (const child of children) child.kill("SIGKILL");
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  });

  const until = async <T>(what: string, ask: () => Promise<T | false | undefined>, within = 40_000): Promise<T> => {
    const giveUp = Date.now() + within;
    for (;;) {
      const found = await ask().catch(() => undefined);
      if (found !== undefined && found !== false) return found;
      if (Date.now() > giveUp) throw new Error(`${what}: not within ${within} ms\n${output}`);
      await sleep(10);
    }
  };
  const answer = async () => {
    try {
      return await (await fetch(`http://127.0.0.1:${port}/`)).text();
    } catch {
      return undefined;
    }
  };

  const programs = { helper: helper(), agent: agent() };
  await until("the app answers", async () => (await answer()) !== undefined);
  const agentUp = async () => {
    const { source, app } = await client.status();
    return (
      app[0]?.phase === "running" &&
      source.agent !== undefined &&
      (!source.agent.onSave || source.agent.watching !== null)
    );
  };
  await until("the agent reports", agentUp);

  return {
    home,
    root,
    paths,
    port,
    put,
    git,
    client,
    until,
    answer,
    programs,
    startAgent: agent,
    startHelper: helper,
    output: () => output,
    read: (path: string) => readFile(join(root, path), "utf8").catch(() => null),
    status: (): Promise<Status> => client.status(),
    restarts: (): Promise<readonly RestartRecord[]> => client.restarts(),
    serves: (version: string) => until(`"${version}" is served`, async () => (await answer()) === version),
    /** When no restart is under way and none comes for a while. */
    async settled(): Promise<readonly RestartRecord[]> {
      let last = "";
      let since = Date.now();
      await until("the restarts end", async () => {
        const now = JSON.stringify(await client.restarts());
        if (now !== last) since = Date.now();
        last = now;
        return (
          Date.now() - since > 250 && !(JSON.parse(now) as RestartRecord[]).some(({ outcome }) => outcome === undefined)
        );
      });
      return client.restarts();
    },
    /** A command as it is typed in the terminal. */
    type: (...words: string[]) => typed(words),
    /** The same, and Ctrl-C. */
    typeUntil: (stop: AbortSignal, ...words: string[]) => typed(words, stop),
  };

  async function typed(words: readonly string[], stop = new AbortController().signal) {
    let out = "";
    let said = "";
    const [name = "", ...args] = words;
    const code = await run(name, args, {
      env: { INPOD_HOME: home },
      out: (text) => {
        out += text;
      },
      say: (text) => {
        said += text;
      },
      colour: false,
      nameOwners: () => Promise.resolve(),
      stop,
    });
    return { code, out, said };
  }
}

export type Pod = Awaited<ReturnType<typeof openPod>>;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

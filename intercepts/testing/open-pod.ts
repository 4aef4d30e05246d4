import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { createFront, createRestartController } from "@inpod/restart-controller";
import type { RestartController, RestartOptions, RestartRecord } from "@inpod/restart-controller";
import { buildKit } from "@inpod/restart-controller/native";
import { startFront } from "../front/front.ts";
import type { Front } from "../front/front.ts";
import { pause } from "./open-router.ts";

const testApp = fileURLToPath(new URL("app.ts", import.meta.url));

export interface Pod {
  /** Of the front. */
  readonly port: number;
  /** While it is there, the app dies at its start. */
  readonly brokenFile: string;
  readonly front: Front;
  readonly controller: RestartController;
  /** What the front could not be asked. */
  readonly errors: Error[];
  restart(options?: RestartOptions): Promise<RestartRecord>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A pod in miniature: a real app under the real `kit supervise`, the real front before it, and the real controller. */
export async function openPod(t: TestContext, { drainMs = 5000, swap = false } = {}): Promise<Pod> {
  const folder = await mkdtemp(join(tmpdir(), "inpod-pod-"));
  const [dir, appPort, kit] = [join(folder, "app"), await freePort(), await buildKit()];
  await mkdir(dir);
  await writeFile(join(dir, "liveness"), "");
  const ports = [appPort, await freePort()] as const;
  const brokenFile = join(folder, "broken");
  const env = { ...process.env, PORT: String(appPort), BROKEN_FILE: brokenFile };
  const swaps = swap ? ["--swap-port", ports.join(","), "--swap-env", "PORT"] : [];
  const supervisor = spawn(kit, ["supervise", "--dir", dir, ...swaps, "--", process.execPath, testApp], {
    env,
    stdio: "ignore",
  });
  const socket = join(folder, "front.sock");
  const front = await startFront({
    port: 0,
    targets: swap ? [...ports] : [appPort],
    protocol: "http",
    socket,
    waiting: { requests: 1000, bytes: 1 << 24, ms: 30_000 },
  });
  const errors: Error[] = [];
  const client = createFront(socket, (error) => errors.push(error));
  const controller = await createRestartController({
    apps: [
      {
        name: "app",
        port: swap ? front.port : appPort,
        process: true,
        container: false,
        threshold: 2,
        front: { drainMs },
        ...(swap ? { swap: { ports } } : {}),
      },
    ],
    filesOf: () => ({
      liveness: join(dir, "liveness"),
      control: join(dir, "control"),
      state: join(dir, "state.json"),
    }),
    kit,
    stateFile: join(folder, "controller.json"),
    front: client,
  });
  t.after(async () => {
    await controller.close();
    await front.close();
    supervisor.kill("SIGTERM");
    await once(supervisor, "exit");
    await rm(folder, { recursive: true });
  });
  while (controller.status()[0]?.phase !== "running") await pause(5);

  return {
    port: front.port,
    brokenFile,
    front,
    controller,
    errors,
    async restart(options = {}) {
      const asked = await controller.request(options);
      if ("refused" in asked) throw new Error(JSON.stringify(asked));
      const giveUp = Date.now() + 40_000;
      while (Date.now() < giveUp) {
        const record = controller.find(asked.id);
        if (record?.outcome !== undefined) return record;
        await pause(2);
      }
      throw new Error(`restart ${asked.id} did not end: ${JSON.stringify(controller.find(asked.id))}`);
    },
  };
}

import { createGate } from "../router/gate.ts";
import type { Limits } from "../router/limits.ts";
import { createRouter } from "../router/router.ts";
import type { FrontConfig } from "./config.ts";
import { createControl } from "./control.ts";
import { createTargetMemory } from "./target-memory.ts";

export interface Front {
  readonly port: number;
  /** Lets go of port and socket, and ends what is open; idempotent. */
  close(): Promise<void>;
}

/** The router with one upstream, the app of its own pod, and the socket by which the helper holds it while the app restarts. */
export async function startFront(config: FrontConfig, limits: Partial<Limits> = {}): Promise<Front> {
  const memory = createTargetMemory(config.socket, config.targets);
  const gate = createGate(await memory.recall(), config.waiting);
  const router = createRouter({ protocol: config.protocol, gate, limits });
  const control = createControl({
    path: config.socket,
    targets: config.targets,
    gate,
    connections: () => router.connections(),
    onMoved: (port) => memory.keep(port),
  });
  let closing: Promise<void> | undefined;
  const close = async () => {
    gate.close();
    await Promise.all([router.close(), control.close()]);
  };
  try {
    const port = await router.listen(config.port);
    await control.listen();
    return { port, close: () => (closing ??= close()) };
  } catch (error) {
    await close();
    throw error;
  }
}

import { createHash } from "node:crypto";
import { createConnection, createServer, type Socket } from "node:net";

/**
 * Runs `work` while no other process of this machine runs the work of the same name.
 * The lock is an abstract Unix socket: the kernel drops it with its process, so a killed holder leaves nothing stale.
 * (It doesn't reach across network namespaces; whoever uses it must also be safe by atomic renames.)
 */
export async function oneAtATime<T>(name: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  for (let told = false; ; told = true) {
    const release = await tryHold(name);
    if (release !== undefined) {
      try {
        return await work();
      } finally {
        release();
      }
    }
    if (!told) onWait?.();
    await released(addressOf(name));
  }
}

/** An abstract address: 107 bytes at most, so the name goes in by its hash. */
function addressOf(name: string): string {
  return `\0inpod-${createHash("sha256").update(name).digest("hex")}`;
}

/** The function that lets go of the name, or undefined while another process holds it. */
export function tryHold(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const waiters = new Set<Socket>();
    const server = createServer((waiter) => {
      waiters.add(waiter);
      waiter.on("error", () => {}).on("close", () => waiters.delete(waiter));
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(addressOf(name), () => {
      resolve(() => {
        server.close();
        for (const waiter of waiters) waiter.destroy();
      });
    });
  });
}

/** Resolves when the holder's connection ends; at once when there is none any more. */
function released(address: string): Promise<void> {
  return new Promise((resolve) => {
    const waiter = createConnection(address);
    waiter.on("error", () => {}).on("close", () => setTimeout(resolve, 20));
  });
}

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Knocks at a port every 2 ms while `during` runs; the longest time between two accepted knocks that had a refused one
 * in between, in milliseconds: what a caller sees of a restart.
 */
export async function portClosedDuring(host: string, port: number, during: () => Promise<void>): Promise<number> {
  let running = true;
  let longest = 0;
  let lastOpen = performance.now();
  let refused = false;
  const knocking = (async () => {
    while (running) {
      const open = await knock(host, port);
      const now = performance.now();
      if (open) {
        if (refused) longest = Math.max(longest, now - lastOpen);
        lastOpen = now;
        refused = false;
      } else refused = true;
      await sleep(2);
    }
  })();
  try {
    await during();
  } finally {
    running = false;
    await knocking;
  }
  return longest;
}

function knock(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

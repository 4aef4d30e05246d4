import { get } from "node:http";

export type IdePhase = "running" | "starting" | "down";

export interface IdeWatch {
  phase(): IdePhase;
  close(): void;
}

/** Milliseconds. An IDE that has been away for longer than `patience` isn't starting any more. */
const pace = { running: 3000, away: 500 };
const patience = 30_000;
const within = 3000;

/** Asks code-server's own health path on its socket; `/healthz` leaves its heartbeat alone, so that asking keeps nothing awake. */
export function createIdeWatch(deps: {
  readonly socketPath: string;
  readonly clock: { now(): number };
  readonly onChange: () => void;
}): IdeWatch {
  let phase: IdePhase = "starting";
  let awaySince = deps.clock.now();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const look = async () => {
    const up = await answers(deps.socketPath);
    if (closed) return;
    const now = deps.clock.now();
    if (up) awaySince = now;
    const seen: IdePhase = up ? "running" : now - awaySince < patience ? "starting" : "down";
    if (seen !== phase) {
      phase = seen;
      deps.onChange();
    }
    timer = setTimeout(() => void look(), up ? pace.running : pace.away).unref();
  };
  void look();

  return {
    phase: () => phase,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get({ socketPath, path: "/healthz", timeout: within, agent: false }, (answer) => {
      resolve((answer.statusCode ?? 500) < 500);
      answer.destroy();
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
    asked.on("close", () => resolve(false));
  });
}

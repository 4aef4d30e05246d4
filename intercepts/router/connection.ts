import type { Socket } from "node:net";
import type { Gate } from "./gate.ts";
import type { Limits } from "./limits.ts";

/** One client's connection, whatever it speaks. */
export interface Connection {
  /** Ends what has outlived its patience. */
  sweep(now: number): void;
  /** Closes a connection to the app that no request is on. */
  letGo(): void;
  close(): void;
}

export interface ConnectionDeps {
  readonly client: Socket;
  readonly gate: Gate;
  readonly limits: Limits;
  /** Milliseconds, never going back. */
  readonly clock: { now(): number };
  /** The connection is over. */
  readonly onEnd: () => void;
}

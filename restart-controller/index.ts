import type { AppStatus, How, RestartRecord } from "./core/index.ts";

export type * from "./core/index.ts";

export interface RestartOptions {
  /** Chosen by the asker, so that asking again after a lost answer is the same request; made up when absent. */
  readonly id?: string;
  readonly app?: string;
  readonly how?: How | "auto";
  readonly now?: boolean;
  readonly ready?: boolean;
  readonly force?: boolean;
  /** Milliseconds; default 30000. */
  readonly timeoutMs?: number;
  /** A save asks, nobody typed anything. */
  readonly origin?: "save";
}

export interface Accepted {
  readonly id: string;
  readonly app: string;
  readonly how: How;
  readonly merged?: string;
  readonly note?: string;
}

/** Why a request was not taken; nothing was changed. */
export interface Refusal {
  readonly refused: { readonly code: string; readonly title: string; readonly detail?: string; readonly fix: string };
}

export interface RestartController {
  /** Takes a request, merges it with the one under way, or refuses it; the end comes as an event and by `find`. */
  request(options: RestartOptions): Promise<Accepted | Refusal>;
  /** One status per app, in configured order. */
  status(): readonly AppStatus[];
  /** The last restarts of all apps, oldest first, the one under way included; at most 200. */
  history(): readonly RestartRecord[];
  find(id: string): RestartRecord | undefined;
  /** Calls back at every change until the returned function is called. */
  subscribe(listener: (change: { type: "status" } | { type: "restart"; restart: RestartRecord }) => void): () => void;
  /** Stops watching; idempotent. What is under way goes on and is picked up by the next controller on the same state file. */
  close(): Promise<void>;
}

export { createImageAlias, type ImageAlias, type KubeApi } from "./image-alias.ts";
export { createRestartController, type ControllerDeps } from "./restart-controller.ts";
export { createFront, type Front } from "./front.ts";
export { whichApp } from "./which-app.ts";
export { createStateFile, type StateFile } from "./state-file.ts";

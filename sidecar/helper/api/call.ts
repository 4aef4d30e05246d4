import type { IncomingMessage, ServerResponse } from "node:http";
import type { OwnOrigin } from "../door/own-origin.ts";

/** Who calls, as the guard has found out. */
export interface Caller {
  /** Undefined on open routes without a session. The Unix socket's is one for all of them. */
  readonly session: { readonly key: string; readonly id: string } | undefined;
  readonly own: OwnOrigin;
  /** The client's address. */
  readonly address: string;
}

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly caller: Caller;
}

/** Answers a call, or throws a HelperError. */
export type Handler = (call: Call) => Promise<void> | void;

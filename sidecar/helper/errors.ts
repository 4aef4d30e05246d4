import type { ApiError } from "../protocol/index.ts";

/** Every "no" of the front door and the API. Titles say what happened; `fix` says what to do. */
const table = {
  INPOD_REQUEST_MALFORMED: {
    status: 400,
    title: "the request can't be read in one way only",
    fix: "send one Host, Origin, Cookie and Content-Type header and a plain path",
  },
  INPOD_REQUEST_INVALID: {
    status: 400,
    title: "the request's body or query is wrong",
    fix: "see the API's description",
  },
  INPOD_BODY_TOO_LARGE: { status: 413, title: "the body is larger than 64 KiB", fix: "send less" },
  INPOD_BODY_SLOW: { status: 408, title: "the body didn't arrive within 10 s", fix: "send it again" },
  INPOD_CONTENT_TYPE: {
    status: 415,
    title: "the body must be JSON",
    fix: "send it with Content-Type: application/json",
  },
  INPOD_LOGIN_NEEDED: { status: 401, title: "not logged in, or the session has ended", fix: "log in at /-/login" },
  INPOD_LOGIN_WRONG: {
    status: 401,
    title: "that is not the password, or the login link is not the latest one",
    fix: "the chart's notes, or what `npm start` printed, say where the password is and give the latest link",
  },
  INPOD_LOGIN_INSECURE: {
    status: 403,
    title: "the password would travel over plain HTTP",
    fix: "use https (and list the proxy in front of it as trusted), or a port-forward to http://localhost",
  },
  INPOD_LOGIN_SLOWED: {
    status: 429,
    title: "too many wrong passwords from this address",
    fix: "wait as many seconds as Retry-After says",
  },
  INPOD_LOGIN_BUSY: { status: 503, title: "too many logins at once", fix: "try again in a second" },
  INPOD_LOGIN_OFF: {
    status: 404,
    title: "this workspace has no password login",
    fix: "log in at the proxy in front of it (auth.mode: proxy), or just open it (auth.mode: none)",
  },
  INPOD_PASSWORD_UNUSABLE: {
    status: 503,
    title: "the login password can't be used",
    fix: "put a password or an $argon2id$ hash into the login Secret; a change is taken up at the next login",
  },
  INPOD_PROXY_NEEDED: {
    status: 401,
    title: "this workspace is entered through its login proxy only",
    fix: "open the proxy's address; the proxy must be listed as trusted and pass X-Forwarded-User on",
  },
  INPOD_ORIGIN_FOREIGN: {
    status: 403,
    title: "the request comes from a page of another origin",
    fix: "open the workspace at its own address; if that is what you did, list the proxy in front as trusted",
  },
  INPOD_ORIGIN_MISSING: {
    status: 403,
    title: "a change or an upgrade needs an Origin header",
    fix: "send Origin with the workspace's own address; programs in the IDE use the Unix socket instead",
  },
  INPOD_HOST_UNKNOWN: {
    status: 403,
    title: "without a login this workspace answers only to localhost, an IP address or a listed origin",
    fix: "add the address to the allowed origins (INPOD_ORIGINS)",
  },
  INPOD_ROUTE_UNKNOWN: { status: 404, title: "there is no such page or call", fix: "see the API's description" },
  INPOD_METHOD_WRONG: { status: 405, title: "this call doesn't take that method", fix: "see the API's description" },
  INPOD_UPGRADE_UNKNOWN: { status: 404, title: "nothing here takes an upgrade", fix: "the IDE does, at /" },
  INPOD_COMMAND_UNKNOWN: {
    status: 404,
    title: "the helper doesn't run this command",
    fix: "run it in the IDE's terminal, where it is a program of its own",
  },
  INPOD_RESTART_UNKNOWN: {
    status: 404,
    title: "there is no restart with this id",
    fix: "GET /-/api/restarts has the last 200",
  },
  INPOD_RESTART_BEGUN: {
    status: 409,
    title: "this restart isn't waiting for a build, so it can't be called off",
    fix: "GET /-/api/restarts/:id tells how it goes on",
  },
  INPOD_SOURCE_AGENT_GONE: {
    status: 409,
    title: "the source agent doesn't answer",
    fix: "it runs where something is configured under restart, or the source is a git repository; otherwise see the IDE container's log",
  },
  INPOD_SESSION_UNKNOWN: {
    status: 404,
    title: "there is no session with this id",
    fix: "GET /-/api/sessions lists them",
  },
  INPOD_STREAMS_FULL: {
    status: 503,
    title: "too many open connections of this kind",
    fix: "close some of the workspace's tabs",
  },
  INPOD_IDE_DOWN: { status: 502, title: "the IDE doesn't answer", fix: "it is started again by itself; wait a moment" },
  INPOD_HELPER_FAILED: { status: 500, title: "the helper failed", fix: "see its log: kubectl logs POD -c inpod" },
} as const satisfies Record<string, { status: number; title: string; fix: string }>;

export type ErrorCode = keyof typeof table;

/** A "no" with its HTTP status; `detail` carries the values. */
export class HelperError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? table[code].title : `${table[code].title}: ${detail}`, options);
    this.code = code;
    this.status = table[code].status;
    this.detail = detail;
  }
}

export const statusOf = (code: ErrorCode): number => table[code].status;

/** The one renderer. */
export function apiError(code: ErrorCode, detail?: string): ApiError {
  const { title, fix } = table[code];
  return { code, title, ...(detail === undefined ? {} : { detail }), fix };
}

import type { ErrorCode } from "../errors.ts";
import { findRoute } from "../routes.ts";
import type { Found } from "../routes.ts";
import { cookieName, cookieValues } from "./cookies.ts";
import { headersOf } from "./headers.ts";
import type { Headers } from "./headers.ts";
import { isAddress, ownOrigin } from "./own-origin.ts";
import type { OwnOrigin } from "./own-origin.ts";
import { parseTarget } from "./target.ts";

/** What the guard knows of a request; nothing of the body. */
export interface Incoming {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** True for what Node hands over as an upgrade. */
  readonly upgrade: boolean;
  readonly remoteAddress: string;
  readonly localAddress: string;
}

/** A logged-in person, for as long as `key` is valid. `id` may be shown; `key` may not. */
export interface SessionRef {
  readonly key: string;
  readonly id: string;
}

export interface Policy {
  readonly auth: "password" | "proxy" | "none";
  readonly release: string;
  readonly basePath: string;
  /** Allowed besides the connection's own, as browsers write them. */
  readonly origins: ReadonlySet<string>;
  isProxy(address: string): boolean;
  /** False for an address of this very pod: the app shares it with a proxy that would. */
  mayVouch(incoming: Incoming): boolean;
  /** The session of a cookie's value. */
  findSession(value: string): SessionRef | undefined;
}

export type Destination =
  | { readonly kind: "route"; readonly found: Found; readonly path: string; readonly query: string }
  | { readonly kind: "ide"; readonly path: string; readonly query: string };

export type Verdict =
  | {
      readonly allow: true;
      readonly to: Destination;
      readonly own: OwnOrigin;
      readonly session: SessionRef | undefined;
      /** The Origin header, when there was one: it has been found to be ours. */
      readonly origin: string | undefined;
    }
  | { readonly allow: false; readonly code: ErrorCode; readonly bounce: boolean }
  | { readonly allow: false; readonly redirect: string };

const singular = ["host", "origin", "cookie", "content-type", "content-length", "sec-fetch-site", "sec-fetch-dest"];
const forwarded = ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-user"];
const safe = new Set(["GET", "HEAD"]);

/** Every rule about who may enter. The same for requests and upgrades; decides from what the router then uses. */
export function decide(incoming: Incoming, policy: Policy): Verdict {
  const headers = headersOf(incoming.rawHeaders);
  const fromProxy = policy.isProxy(incoming.remoteAddress);
  if ([...singular, ...(fromProxy ? forwarded : [])].some((name) => headers.twice(name))) return malformed;
  const target = parseTarget(incoming.url, policy.basePath);
  if (target.kind === "refused") return malformed;

  const own = ownOrigin(headers, fromProxy, policy.origins);
  if (own === undefined) return malformed;
  const origin = headers.has("origin") ? headers.one("origin") : undefined;
  if (origin !== undefined && origin !== own.origin && !policy.origins.has(origin)) return deny("INPOD_ORIGIN_FOREIGN");
  if (origin === undefined && isForeignFetch(incoming, headers)) return deny("INPOD_ORIGIN_FOREIGN");

  if (target.kind === "redirect") return { allow: false, redirect: target.to };
  if (target.kind === "outside") return deny("INPOD_ROUTE_UNKNOWN");

  const found = target.kind === "inpod" ? findRoute(incoming.method, target.path) : undefined;
  const open = !incoming.upgrade && found !== undefined && found !== "method" && found.route.who === "open";
  const entry = enter(incoming, policy, headers, own, fromProxy);
  if (!open && "no" in entry) return { ...deny(entry.no), bounce: isPageVisit(incoming, headers) };

  const changes = incoming.upgrade || !safe.has(incoming.method);
  if (changes && origin === undefined) return deny("INPOD_ORIGIN_MISSING");
  const session = "no" in entry ? undefined : entry.session;
  const { path, query } = target;
  if (target.kind === "ide") return { allow: true, to: { kind: "ide", path, query }, own, session, origin };
  if (incoming.upgrade) return deny("INPOD_UPGRADE_UNKNOWN");
  if (found === "method") return deny("INPOD_METHOD_WRONG");
  if (found === undefined || found.route.who === "nobody") return deny("INPOD_ROUTE_UNKNOWN");
  if (changes && !hasRightType(incoming, headers, found)) return deny("INPOD_CONTENT_TYPE");
  return { allow: true, to: { kind: "route", found, path, query }, own, session, origin };
}

const malformed: Verdict = { allow: false, code: "INPOD_REQUEST_MALFORMED", bounce: false };

function deny(code: ErrorCode): { allow: false; code: ErrorCode; bounce: boolean } {
  return { allow: false, code, bounce: false };
}

/** Who is asking, or why that isn't known. */
function enter(
  incoming: Incoming,
  policy: Policy,
  headers: Headers,
  own: OwnOrigin,
  fromProxy: boolean,
): { session: SessionRef } | { no: ErrorCode } {
  switch (policy.auth) {
    case "none":
      // A name that somebody else points at this address would make their page ours (DNS rebinding).
      return own.loopback || isAddress(own.host) || policy.origins.has(own.origin)
        ? { session: { key: "everybody", id: "everybody" } }
        : { no: "INPOD_HOST_UNKNOWN" };
    case "proxy": {
      const user = headers.one("x-forwarded-user");
      return fromProxy && policy.mayVouch(incoming) && user !== ""
        ? { session: { key: `proxy ${user}`, id: user } }
        : { no: "INPOD_PROXY_NEEDED" };
    }
    case "password": {
      const secure = own.scheme === "https";
      if (!secure && !own.loopback) return { no: "INPOD_LOGIN_NEEDED" };
      const [value, ...more] = cookieValues(headers.one("cookie"), cookieName(policy.release, secure));
      const session = value === undefined || more.length > 0 ? undefined : policy.findSession(value);
      return session === undefined ? { no: "INPOD_LOGIN_NEEDED" } : { session };
    }
  }
}

/**
 * A browser says where a request without Origin comes from (an image, a script, a frame, a link). From another page
 * only a link may lead here. https://web.dev/articles/fetch-metadata
 */
function isForeignFetch({ method, upgrade }: Incoming, headers: Headers): boolean {
  const site = headers.one("sec-fetch-site");
  if (site === "" || site === "same-origin" || site === "none") return false;
  const isLink = headers.one("sec-fetch-mode") === "navigate" && headers.one("sec-fetch-dest") === "document";
  return upgrade || !isLink || !safe.has(method);
}

/** Somebody opens an address in a tab: they get a page and not JSON. */
function isPageVisit({ method, upgrade, url }: Incoming, headers: Headers): boolean {
  if (method !== "GET" || upgrade || /\/-\/api\//.test(url.split("?")[0] ?? "")) return false;
  const dest = headers.one("sec-fetch-dest");
  return dest === "document" || (dest === "" && headers.one("accept").includes("text/html"));
}

/** JSON can't be sent by a foreign page without asking first; the two forms need no script, and have their Origin. */
function hasRightType({ method }: Incoming, headers: Headers, { name }: Found): boolean {
  const type = (headers.one("content-type").split(";")[0] ?? "").trim().toLowerCase();
  if (type === "application/json") return true;
  if (type === "application/x-www-form-urlencoded") return name === "login" || name === "logout";
  const empty = !headers.has("transfer-encoding") && Number(headers.one("content-length") || "0") === 0;
  return method === "DELETE" && type === "" && empty;
}

import type { OwnOrigin } from "../door/own-origin.ts";
import { setsOurs, withoutOurs } from "../door/cookies.ts";

/** About one connection only (RFC 9110, 7.6.1); never passed on. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
]);

/** Who logged in, and with what, is the helper's business: the IDE's shell could read it. */
const secrets = /^(?:authorization|forwarded|x-real-ip|x-forwarded-.*|x-auth-request-.*)$/;

export interface Onward {
  readonly own: OwnOrigin;
  /** The Origin header, found to be ours. */
  readonly origin: string | undefined;
  readonly client: string;
}

/** The flat header list (name, value, …) for the IDE. Host and Origin pass as they are: it compares them with each other. */
export function requestHeaders(raw: readonly string[], { own, origin, client }: Onward): string[] {
  const named = connectionOptions(raw);
  const out: string[] = [];
  for (const [name, value] of pairs(raw)) {
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named.has(lower) || secrets.test(lower)) continue;
    if (lower === "cookie") {
      const rest = withoutOurs(value);
      if (rest !== "") out.push(name, rest);
    } else if (lower !== "referer" || !value.includes("/-/")) {
      out.push(name, value);
    }
  }
  const seen = origin === undefined ? own.host : origin.slice(origin.indexOf("//") + 2);
  out.push("X-Forwarded-Host", seen, "X-Forwarded-Proto", own.scheme, "X-Forwarded-For", client);
  return out;
}

/** The flat header list for the browser. No cookie of ours can be set from there, and no foreign page may frame it. */
export function responseHeaders(raw: readonly string[]): string[] {
  const named = connectionOptions(raw);
  const out: string[] = [];
  let framing = false;
  for (const [name, value] of pairs(raw)) {
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named.has(lower)) continue;
    if (lower === "set-cookie" && setsOurs(value)) continue;
    // It would log everybody out of every workspace on this host.
    if (lower === "clear-site-data") continue;
    if (lower === "x-frame-options") framing = true;
    out.push(name, value);
  }
  if (!framing) out.push("X-Frame-Options", "SAMEORIGIN");
  return out;
}

function* pairs(raw: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i + 1 < raw.length; i += 2) yield [raw[i] ?? "", raw[i + 1] ?? ""];
}

/** Headers that Connection names belong to the connection too. */
function connectionOptions(raw: readonly string[]): ReadonlySet<string> {
  const options = new Set<string>();
  for (const [name, value] of pairs(raw)) {
    if (name.toLowerCase() !== "connection") continue;
    for (const option of value.split(",")) options.add(option.trim().toLowerCase());
  }
  return options;
}

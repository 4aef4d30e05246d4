import type { Headers } from "./headers.ts";

/** How the browser sees this connection. */
export interface OwnOrigin {
  /** `https://ide.example`, exactly as a browser writes it into Origin: no default port, no path. */
  readonly origin: string;
  /** `ide.example`, with the port where it isn't the default one. */
  readonly host: string;
  readonly scheme: "http" | "https";
  /** The host is this machine by name, so browsers keep secrets on plain HTTP too. */
  readonly loopback: boolean;
}

const hostShape = /^(\[[\da-f:.]+\]|[a-z\d](?:[a-z\d._-]*[a-z\d])?\.?)(?::(\d{1,5}))?$/;

/** Undefined when the Host header is missing, double or no host. */
export function ownOrigin(
  headers: Headers,
  peerIsProxy: boolean,
  extraOrigins: ReadonlySet<string>,
): OwnOrigin | undefined {
  const forwarded = (name: string) => (peerIsProxy ? (headers.one(name).split(",")[0] ?? "").trim().toLowerCase() : "");
  const given = forwarded("x-forwarded-host") || headers.one("host").toLowerCase();
  const match = hostShape.exec(given);
  if (match === null || headers.twice("host")) return undefined;
  const [, name = "", port] = match;
  const scheme = forwardedScheme(forwarded("x-forwarded-proto")) ?? listedScheme(given, extraOrigins) ?? "http";
  const defaultPort = scheme === "https" ? "443" : "80";
  const host = port === undefined || port === defaultPort ? name : `${name}:${port}`;
  return { origin: `${scheme}://${host}`, host, scheme, loopback: isLoopbackName(name) };
}

function forwardedScheme(text: string): "http" | "https" | undefined {
  return text === "http" || text === "https" ? text : undefined;
}

/** An origin that was configured for this host says what is in front of us, where no proxy is trusted to tell. */
function listedScheme(host: string, origins: ReadonlySet<string>): "http" | "https" | undefined {
  return origins.has(`https://${host}`) ? "https" : origins.has(`http://${host}`) ? "http" : undefined;
}

/** Names that browsers resolve to this machine and treat as trustworthy without TLS. */
export function isLoopbackName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** True for an address written as numbers: nobody can point a name of theirs at it. */
export function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?$/.test(host);
}

/** Every inpod workspace's cookies: on localhost a browser sends those of all ports. */
const ours = /^(?:__Host-|__Secure-)?inpod-/i;

/**
 * The session cookie's name. Over HTTPS the `__Host-` prefix makes the browser itself refuse it from a subdomain, a
 * path or plain HTTP; browsers don't take that prefix on http://localhost.
 */
export function cookieName(release: string, secure: boolean): string {
  return `${secure ? "__Host-" : ""}inpod-${release}`;
}

/** Every value that the Cookie header has under that name, case and all; more than one means that somebody added one. */
export function cookieValues(header: string, name: string): string[] {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** The Cookie header without our cookies; "" when nothing is left. */
export function withoutOurs(header: string): string {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !ours.test(pair))
    .join("; ");
}

/** True for a Set-Cookie line that would set one of our cookies. */
export function setsOurs(line: string): boolean {
  return ours.test(line.trimStart());
}

/** Set-Cookie for a session; no Max-Age: it ends with the browser, the server's own expiry holds before that. */
export function sessionCookie(name: string, value: string): string {
  return `${name}=${value}; ${attributes(name)}`;
}

export function expiredCookie(name: string): string {
  return `${name}=; Max-Age=0; ${attributes(name)}`;
}

function attributes(name: string): string {
  return `Path=/; HttpOnly; SameSite=Strict${name.startsWith("__Host-") ? "; Secure" : ""}`;
}

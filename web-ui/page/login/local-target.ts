/** Where to go after the login: a path of this very workspace, or its start; a link must not lead elsewhere. */
export function localTarget(to: string | null, base: string, origin: string): string {
  const start = `${base}/`;
  if (to === null || !/^\/(?![/\\])[\x21-\x7e]*$/.test(to) || to.includes("\\")) return start;
  const url = new URL(to, origin);
  if (url.origin !== origin || !url.pathname.startsWith(start) || url.pathname.startsWith(`${base}/-/login`))
    return start;
  return url.pathname + url.search + url.hash;
}

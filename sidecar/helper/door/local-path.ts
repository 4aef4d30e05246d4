/** The longest address that is carried through a login; code-server's own have a folder in them, not more. */
const longest = 2000;

/**
 * Where to go after a login: the given address if it is a path on this very host below the base path, else the IDE's
 * start. Browsers read `\` as `/`, skip tabs and line ends, and take `//host` for another host; none of these passes.
 */
export function localPath(to: unknown, basePath: string): string {
  const home = `${basePath}/`;
  if (typeof to !== "string" || to.length > longest || !/^[\x21-\x5b\x5d-\x7e]+$/.test(to)) return home;
  if (!to.startsWith(home) || to.startsWith("//")) return home;
  const parsed = URL.parse(to, "http://inpod.invalid");
  if (parsed === null || parsed.origin !== "http://inpod.invalid" || parsed.username !== "") return home;
  if (parsed.pathname.startsWith("//") || !parsed.pathname.startsWith(home)) return home;
  // Back to the login would be a loop.
  return /^\/-\/(?:login|logout)/.test(parsed.pathname.slice(basePath.length)) ? home : to;
}

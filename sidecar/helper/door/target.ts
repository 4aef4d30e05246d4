/** Where a request goes: to inpod's own pages below `/-/`, or to the IDE. `path` and `query` have no base path. */
export type Target =
  | { readonly kind: "inpod" | "ide"; readonly path: string; readonly query: string }
  /** A folder asked for without its slash; relative links would break. */
  | { readonly kind: "redirect"; readonly to: string }
  | { readonly kind: "outside" }
  | { readonly kind: "refused" };

/** What a path of ours may look like; anything else below `/-/` is refused instead of being interpreted. */
const ownPath = /^\/-\/(?:[\w.~-]+(?:\/[\w.~-]+)*\/?)?$/;
const healthPath = "/-/healthz";
const dotSegment = /\/\.{1,2}(?:\/|$)/;

/**
 * Parses a request target once, for the guard and the router alike. Spellings of `/-/` that one parser might read
 * differently from another (`%2d`, `//`, `\`, `/./`, double encoding) are refused rather than normalised.
 */
export function parseTarget(url: string, basePath: string): Target {
  const mark = url.indexOf("?");
  const whole = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? "" : url.slice(mark);
  if (!whole.startsWith("/") || hasControl(url)) return { kind: "refused" };
  // The kubelet asks the container itself, not by the way that browsers take.
  if (whole === healthPath) return { kind: "inpod", path: whole, query };
  if (basePath !== "" && whole === basePath) return { kind: "redirect", to: `${basePath}/${query}` };
  if (!whole.startsWith(`${basePath}/`)) return looksOwn(whole) ? { kind: "refused" } : { kind: "outside" };
  const path = whole.slice(basePath.length);
  if (path === "/-") return { kind: "redirect", to: `${basePath}/-/${query}` };
  if (path.startsWith("/-/")) {
    return ownPath.test(path) && !dotSegment.test(path) ? { kind: "inpod", path, query } : { kind: "refused" };
  }
  return looksOwn(path) ? { kind: "refused" } : { kind: "ide", path, query };
}

/** True when some reading of the path ends up below `/-/`. */
function looksOwn(path: string): boolean {
  let seen = path;
  // Encodings can be nested; four rounds are more than any parser undoes.
  for (let round = 0; round < 4; round++) {
    const flat = resolveDots(seen.replaceAll("\\", "/").replaceAll(/;[^/]*/g, ""));
    if (flat === "/-" || flat.startsWith("/-/")) return true;
    const decoded = decodeLoosely(seen);
    if (decoded === seen) return false;
    seen = decoded;
  }
  return true;
}

function resolveDots(path: string): string {
  const out: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") out.pop();
    else if (segment !== "." && segment !== "") out.push(segment);
  }
  return `/${out.join("/")}`;
}

function decodeLoosely(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f) return true;
  }
  return false;
}

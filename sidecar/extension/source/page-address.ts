/**
 * The address of inpod's page, from one that VS Code made for its own callback: that has the browser's origin and, where the
 * workspace lives below one, the path prefix. VS Code's own routes begin with its quality and commit, or with `_static`.
 */
export function pageAddress(callback: string): string {
  const { origin, pathname } = new URL(callback);
  const prefix = pathname.split("/").slice(1);
  const own = prefix.findIndex((part) => /^(stable|oss|insiders?)(-|$)|^(_static|static|out|callback)$/.test(part));
  const base = (own === -1 ? [] : prefix.slice(0, own)).filter((part) => part !== "");
  return `${origin}/${base.map((part) => `${part}/`).join("")}-/`;
}

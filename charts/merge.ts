const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Objects key by key, everything else replaced: as helm merges values. */
export function mergeValues(under: object, over: object): object {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const old = result[key];
    result[key] = isPlain(old) && isPlain(value) ? mergeValues(old, value) : value;
  }
  return result;
}

/** `valueAt(["a", "b"], 1)` is `{ a: { b: 1 } }`. */
export function valueAt(path: readonly string[], value: unknown): object {
  const [key, ...rest] = path;
  if (key === undefined) return value as object;
  return { [key]: rest.length === 0 ? value : valueAt(rest, value) };
}

/** Path and value of everything in `values` that isn't an object with keys of its own. */
export function leavesOf(values: object, above: readonly string[] = []): { path: string[]; value: unknown }[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    const path = [...above, key];
    return isPlain(value) && Object.keys(value).length > 0 ? leavesOf(value, path) : [{ path, value }];
  });
}

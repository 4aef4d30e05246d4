/** A header's value when it is there exactly once; "" when absent. Throws nothing: `twice` says that it is ambiguous. */
export interface Headers {
  one(name: string): string;
  has(name: string): boolean;
  twice(name: string): boolean;
}

/**
 * Reads the raw header list (name, value, name, value …). Node folds some repeated headers and drops others silently;
 * a decision about who may enter must see what was really sent.
 */
export function headersOf(raw: readonly string[]): Headers {
  const values = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    const found = values.get(name);
    if (found === undefined) values.set(name, [value]);
    else found.push(value);
  }
  return {
    one: (name) => values.get(name)?.[0]?.trim() ?? "",
    has: (name) => values.has(name),
    twice: (name) => (values.get(name)?.length ?? 0) > 1,
  };
}

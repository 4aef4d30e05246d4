import { isMap, isScalar, parseDocument, type Node, type Pair, type YAMLMap } from "yaml";

/** A line of the table: what values.yaml says about one value. */
export interface ValueDoc {
  readonly path: readonly string[];
  /** As it is written in YAML, on one line. */
  readonly default: string;
  /** The text of its `# --` comment; empty where there is none. */
  readonly text: string;
}

/** Every value that has no keys of its own, in the order of the file. */
export function valueDocs(valuesYaml: string): ValueDoc[] {
  const { contents } = parseDocument(valuesYaml);
  if (!isMap(contents)) throw new Error("values.yaml isn't a map");
  return docsIn(contents, []);
}

function docsIn(map: YAMLMap, above: readonly string[]): ValueDoc[] {
  return map.items.flatMap((pair: Pair, index) => {
    const { key, value } = pair;
    if (!isScalar(key)) throw new Error("a key of values.yaml isn't a word");
    const path = [...above, String(key.value)];
    if (isMap(value) && value.items.length > 0 && !isResources(path)) return docsIn(value, path);
    // The comment above the first key of a map hangs on the map.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? "";
    return [{ path, default: oneLine((value as Node | null)?.toJSON()), text: textOf(comment) }];
  });
}

const isResources = (path: readonly string[]) => path.at(-1) === "resources";

function oneLine(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value);
}

/** From `--` on: what stands above it is about the group. */
function textOf(comment: string): string {
  const lines = comment.split("\n").map((line) => line.trim());
  const start = lines.findLastIndex((line) => line.startsWith("-- "));
  if (start === -1) return "";
  return lines.slice(start).join(" ").slice(3).trim();
}

/** The Markdown table of charts/inpod/README.md. */
export function valueTable(docs: readonly ValueDoc[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = docs.map((doc) => {
    const initial = doc.default === "" ? "" : `\`${cell(doc.default)}\``;
    return `| \`${doc.path.join(".")}\` | ${initial} | ${cell(doc.text)} |`;
  });
  return ["| value | default | |", "|---|---|---|", ...rows].join("\n");
}

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
}

/** The schema with each value's text as its description, for editors. */
export function describeSchema(schema: Schema, docs: readonly ValueDoc[]): Schema {
  const described = structuredClone(schema);
  for (const { path, text } of docs) {
    let at: Schema | undefined = described;
    for (const key of path) at = at?.properties?.[key];
    if (at === undefined) throw new Error(`values.schema.json has no ${path.join(".")}`);
    at.description = text;
  }
  return described;
}

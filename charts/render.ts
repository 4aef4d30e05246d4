import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { ensureTool } from "../e2e/cluster/tools.ts";

export const chart = fileURLToPath(new URL("./inpod", import.meta.url));

/** A Kubernetes object, as far as these tests look into it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Of a Role. */
  readonly rules?: unknown;
}

export interface Rendered {
  readonly text: string;
  readonly objects: readonly KubeObject[];
}

export interface RenderOptions {
  readonly release?: string;
  /** values.yaml files below `values`. */
  readonly files?: readonly string[];
  /** Of the cluster that helm is told of. */
  readonly kubernetes?: string;
  /** Another folder than the chart's. */
  readonly chart?: string;
}

/** `helm template` of the chart. Throws an Error whose message is what helm said. */
export async function render(values: object, options: RenderOptions = {}): Promise<Rendered> {
  const text = await helm(
    [
      "template",
      options.release ?? "hello",
      options.chart ?? chart,
      "--namespace=demo",
      `--kube-version=${options.kubernetes ?? "1.35.0"}`,
      ...(options.files ?? []).map((file) => `--values=${file}`),
      "--values=-",
    ],
    JSON.stringify(values),
  );
  return { text, objects: objectsIn(text) };
}

export function objectsIn(text: string): KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

/** What helm says when it refuses the values; rejects when it doesn't. */
export async function refusal(values: object, options: RenderOptions = {}): Promise<string> {
  let text: string;
  try {
    ({ text } = await render(values, options));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error(`helm rendered what it should refuse:\n${text.slice(0, 500)}`);
}

let folder: Promise<string> | undefined;

/** Runs helm to its end; its stdout. Throws with its stderr. */
export async function helm(args: readonly string[], input = ""): Promise<string> {
  folder ??= ensureTool("helm", { progress: (line) => console.error(`# ${line}`) });
  const program = join(await folder, "helm");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    // helm that fails early doesn't read its values.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(stdout) : reject(new Error(stderr.trim()))));
  });
}

import { readFile, writeFile } from "node:fs/promises";
import type { Row } from "./row.ts";

// `node e2e/bench/figures.ts` writes README's table of figures from the committed run; a test compares the two.

const source = new URL("../../docs/figures/restart.jsonl", import.meta.url);
const readme = new URL("../../README.md", import.meta.url);
const [begin, end] = ["<!-- figures:begin -->", "<!-- figures:end -->"];

/** What each row means to a reader; rows without an entry stay out of the README. */
const meanings: Readonly<Record<string, string>> = {
  "restart.process.static":
    "process restart of a static program in a scratch image: asked → first answer of the new one",
  "restart.process.static.boot": "… of which its own start",
  "restart.cli.node": "`restart app` typed in the terminal → the command has returned, Node hello",
  "restart.cli.node.overhead": "… beyond the app's own boot",
  "restart.save.node": "save → served, Node hello: **inpod**",
  "restart.save.node (nodemon)": "… nodemon, in an app container of the same cluster",
  "restart.save.node (entr)": "… entr",
  "restart.save.node (watchexec)": "… watchexec",
  "restart.save.node (node --watch)": "… `node --watch`",
  "restart.crashfix.node": "an app that crashed, its fix saved → served",
  "restart.stubborn": "an app that ignores SIGTERM: beyond the grace of 2 s",
  "restart.stubborn.now": "… with `--now`",
  "restart.container.static": "`restart app`, container restart of a static app: asked → served",
  "restart.container.static.closed": "… its port is closed for",
  "restart.container.static.closed (bare pod)":
    "… the same app's port, alone in a pod: what the kubelet and containerd cost",
  "restart.container1.static": "the same with `restart.probe.failureThreshold: 1`",
  "restart.container.node": "a Node app that ignores SIGTERM",
  "restart.alias.static":
    "container restarts, 12 in a row on the kubelet's own back-off, with `rbac.restartWithoutBackoff`",
  "restart.container.static (kubectl rollout restart)":
    "`kubectl rollout restart` of a Deployment of one, image on the node",
  "restart.recipe.node (cat liveness)": "the common recipe (exec probe `cat liveness`, the kubelet's defaults)",
  "backoff.error": "the kubelet's back-off, real less foretold",
  "front.failed": "requests that failed during 30 process restarts under 200/s, through the front",
  "swap.failed": "… during 30 swaps",
  "boost.node.ratio": "boot of a Node app of 254 modules, with its booster / without",
  "boost.python.ratio": "… of a Python app of 45 modules",
  "boost.java.ratio": "… of a Java app of 3800 classes (off by default)",
  "idle.live.cpu": "the liveness responder, idle: CPU",
  "idle.live.rss": "… memory",
  "idle.supervise.rss": "the supervisor, idle: memory",
  "idle.supervise.wakeups": "… times that it wakes up in a second",
  "idle.helper.rss": "the helper, idle: memory",
};

const nameOf = ({ name, peer }: Row) => (peer === undefined ? name : `${name} (${peer})`);

export function readRows(jsonLines: string): Row[] {
  return jsonLines
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Row => JSON.parse(line));
}

export function figuresTable(rows: readonly Row[]): string {
  const lines = Object.entries(meanings).flatMap(([name, meaning]) => {
    const row = rows.find((one) => nameOf(one) === name);
    if (row === undefined) return [];
    const single = row.n === 1;
    return [`| ${meaning} | ${text(row, row.median)} | ${single ? "" : text(row, row.p95)} | ${row.n} |`];
  });
  return ["| what | median | p95 | samples |", "|---|---|---|---|", ...lines].join("\n");
}

function text({ unit }: Row, value: number): string {
  if (unit === "ms" && value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  if (unit === "ms") return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  if (unit === "count") return String(value);
  return `${value} ${unit}`;
}

export async function writtenAndExpected(): Promise<{ readonly written: string; readonly expected: string }> {
  const page = await readFile(readme, "utf8");
  const rows = readRows(await readFile(source, "utf8"));
  return {
    written: page.slice(page.indexOf(begin) + begin.length, page.indexOf(end)).trim(),
    expected: figuresTable(rows),
  };
}

if (import.meta.main) {
  const page = await readFile(readme, "utf8");
  const { expected } = await writtenAndExpected();
  const [before] = page.split(begin);
  const [, after] = page.split(end);
  await writeFile(readme, `${before}${begin}\n${expected}\n${end}${after}`);
}

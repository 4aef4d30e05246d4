import { cp, mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chart, render } from "./render.ts";

/**
 * The chart's text for each of the values, by one run of helm: as many subcharts of a throw-away chart. Most of a run's time is helm's
 * own start. Throws what helm says when any of them is refused; there the first is called v0, the next that differs v1, ….
 */
export async function renderMany(all: readonly object[]): Promise<string[]> {
  const keys = [...new Set(all.map((values) => JSON.stringify(values)))];
  const texts = await renderEach(keys.map((key): object => JSON.parse(key)));
  return all.map((values) => texts[keys.indexOf(JSON.stringify(values))] ?? "");
}

async function renderEach(all: readonly object[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "inpod-render-many-"));
  try {
    await mkdir(join(folder, "charts"));
    await cp(chart, join(folder, "charts/inpod"), { recursive: true });
    const dependencies = all.map((_, index) => ({ name: "inpod", version: "*", alias: `v${index}` }));
    await writeFile(
      join(folder, "Chart.yaml"),
      JSON.stringify({ apiVersion: "v2", name: "many", version: "0.0.0", dependencies }),
    );
    const { text } = await render(Object.fromEntries(all.map((values, index) => [`v${index}`, values])), {
      chart: folder,
    });
    const texts = all.map(() => "");
    for (const [document, index] of documentsIn(text)) texts[index] += document;
    if (texts.includes("")) throw new Error(`nothing was rendered for v${texts.indexOf("")}`);
    return texts;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Each document of the text, with the number of its subchart. */
function documentsIn(text: string): [document: string, index: number][] {
  return text
    .split(/^---$/m)
    .filter((document) => document.trim() !== "")
    .map((document) => {
      const source = /^# Source: many\/charts\/v(\d+)\/(.*)$/m.exec(document);
      if (source === null) throw new Error(`a document without its source:\n${document}`);
      return [document.replace(source[0], `# Source: ${source[2] ?? ""}`), Number(source[1])];
    });
}

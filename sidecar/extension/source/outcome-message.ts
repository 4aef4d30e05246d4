import { restartText } from "../../cli/restart-text.ts";
import type { RestartRecord } from "../../protocol/api.ts";

/** What a person is told about a restart that did not serve; undefined when the status bar has said it all. */
export function failureMessage(record: RestartRecord): string | undefined {
  if (record.outcome === "served") return undefined;
  if (record.outcome === undefined) {
    return `inpod: the helper has not said how the restart of ${record.app} ended. Fix: inpod status, in the terminal, tells what it knows`;
  }
  const { code, signal } = record.exit ?? { code: null, signal: null };
  const exit = signal !== null ? `, ${signal}` : code !== null ? `, exit code ${code}` : "";
  // The sentence may have the exit in it already.
  const known = exit === "" || record.message?.includes(exit.replace(/^, (exit code )?/, "")) === true;
  return `inpod: ${restartText(record)}${known ? "" : exit}`;
}

/** An error as the helper's client throws it: the sentence, then the fix. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return `inpod: ${String(error)}`;
  const fix: unknown = Reflect.get(error, "fix");
  return `inpod: ${error.message}${typeof fix === "string" && fix !== "" ? `. Fix: ${fix}` : ""}`;
}

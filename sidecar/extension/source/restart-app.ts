import type { ApiClient } from "../../cli/api-client.ts";
import type { RestartRecord } from "../../protocol/api.ts";
import { giveUpAt } from "../../protocol/patience.ts";

/** How long one call waits for the end, milliseconds. */
const waitEach = 1000;
/** The helper's own time-out for a request, and some more, milliseconds. */
const patience = 30_000 + 15_000;

export interface RestartWindow {
  /** False when an editor could not be saved. */
  saveAll(): Promise<boolean>;
  /** Whether to restart although an editor could not be saved. */
  goOnUnsaved(): Promise<boolean>;
  /** Something the person should know before it happens. */
  note(text: string): void;
}

/** Saves, asks once, waits for the end; undefined when the person called it off. Throws when the helper refuses or is gone. */
export async function restartApp(
  client: Pick<ApiClient, "restart" | "findRestart">,
  window: RestartWindow,
  ask: { readonly id: string; readonly app?: string },
  now: () => number = Date.now,
): Promise<RestartRecord | undefined> {
  if (!(await window.saveAll()) && !(await window.goOnUnsaved())) return undefined;
  const { id, merged, note } = await client.restart({ ...ask, how: "auto" });
  if (note !== undefined) window.note(note);
  let asked = now();
  for (;;) {
    const record = await client.findRestart(merged ?? id, waitEach);
    // A build has its own limit; the restart's time begins after it.
    if (record.build !== undefined && record.build.ok === undefined) asked = now();
    if (record.outcome !== undefined || now() >= giveUpAt(asked, patience, record)) return record;
  }
}

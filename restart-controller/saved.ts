import { initialState } from "./core/index.ts";
import type { AppState, RestartRecord } from "./core/index.ts";

/** What a controller leaves for the next one, so that a helper that is killed loses no request. */
export interface Saved {
  readonly apps: Readonly<Record<string, AppState>>;
  readonly history: readonly RestartRecord[];
}

const version = 1;

export function toSaved(saved: Saved): object {
  return { v: version, ...saved };
}

/** Nothing for what isn't a controller's of this version: it starts anew rather than not at all. */
export function fromSaved(raw: unknown): Saved {
  if (!isSaved(raw)) return { apps: {}, history: [] };
  const apps = Object.entries(raw.apps).map(([name, state]) => [name, { ...initialState, ...state }]);
  return { apps: Object.fromEntries(apps), history: raw.history };
}

function isSaved(raw: unknown): raw is Saved {
  return (
    typeof raw === "object" && raw !== null && "v" in raw && raw.v === version && "apps" in raw && "history" in raw
  );
}

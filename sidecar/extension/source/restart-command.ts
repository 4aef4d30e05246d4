import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import type { ApiClient } from "../../cli/api-client.ts";
import { restartText } from "../../cli/restart-text.ts";
import type { RestartRecord } from "../../protocol/api.ts";
import { errorMessage, failureMessage } from "./outcome-message.ts";
import { restartApp } from "./restart-app.ts";

/** Crashes of the last hours; a stream that breaks off may tell one twice. */
const crashesKept = 50;

export interface RestartCommand {
  /** `inpod.restartApp`: of the named app, the only one, or the one that the person picks. Resolves when the restart has ended. */
  run(app?: unknown): Promise<RestartRecord | undefined>;
  /** A restart that anybody asked for, or nobody: a crash is told here too. */
  heard(record: RestartRecord): void;
}

export function createRestartCommand(deps: {
  readonly client: ApiClient;
  readonly apps: () => readonly string[];
  readonly ended: (record: RestartRecord) => void;
  readonly log: (text: string) => void;
  readonly showLog: () => void;
}): RestartCommand {
  const told = new Set<string>();
  const underWay = new Map<string, Promise<RestartRecord | undefined>>();

  const restart = async (app: string | undefined) => {
    const ask = { id: randomUUID(), ...(app === undefined ? {} : { app }) };
    try {
      const record = await restartApp(deps.client, restartWindow, ask);
      if (record === undefined) return undefined;
      deps.ended(record);
      deps.log(`── inpod: ${restartText(record)} ──\n`);
      if (record.outcome === "crashed") crashed(record);
      else {
        const failure = failureMessage(record);
        if (failure !== undefined) tell(failure);
      }
      return record;
    } catch (error) {
      tell(errorMessage(error));
      return undefined;
    }
  };
  const tell = (text: string) => {
    void vscode.window.showErrorMessage(text, "Show Log").then((answer) => {
      if (answer === "Show Log") deps.showLog();
    });
  };

  const crashed = (record: RestartRecord) => {
    if (told.has(record.id)) return;
    told.add(record.id);
    for (const id of told) {
      if (told.size <= crashesKept) break;
      told.delete(id);
    }
    tell(failureMessage(record) ?? "");
  };

  const run = async (given?: unknown) => {
    const apps = deps.apps();
    let app = typeof given === "string" ? given : apps.length === 1 ? apps[0] : undefined;
    if (app === undefined && apps.length > 1) {
      app = await vscode.window.showQuickPick(apps, { title: "inpod: Restart app", placeHolder: "Which app?" });
      if (app === undefined) return undefined;
    }
    const key = app ?? "";
    // A second press means the same restart.
    const present = underWay.get(key);
    if (present !== undefined) return present;
    const running = restart(app).finally(() => underWay.delete(key));
    underWay.set(key, running);
    return running;
  };

  return {
    run,
    heard(record) {
      if (record.outcome === "crashed") crashed(record);
    },
  };
}

const restartWindow = {
  saveAll: async () => vscode.workspace.saveAll(false),
  goOnUnsaved: async () => {
    const anyway = "Restart Anyway";
    const text = "inpod: not every editor could be saved, so the app would start without these changes.";
    return (await vscode.window.showWarningMessage(text, anyway)) === anyway;
  },
  note: (text: string) => void vscode.window.showInformationMessage(`inpod: ${text}`),
};

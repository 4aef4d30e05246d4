import * as vscode from "vscode";
import type { RestartRecord, Status } from "../../protocol/api.ts";
import { appButton, type Button, silentButton, standaloneButton } from "./button.ts";

/** How long the result of a restart stays in the status bar, milliseconds. */
const newsFor = 10_000;

export interface StatusBar {
  /** Undefined when the helper is silent. */
  status(status: Status | undefined, problem?: string): void;
  restart(record: RestartRecord): void;
  dispose(): void;
}

/** One entry per app, or one that says why there is none. */
export function createStatusBar(): StatusBar {
  const items = new Map<string, vscode.StatusBarItem>();
  const news = new Map<string, { record: RestartRecord; timer: NodeJS.Timeout }>();
  let status: Status | undefined;
  let problem: string | undefined;
  let everHeard = false;

  const show = (id: string, button: Button, command: vscode.Command) => {
    const item =
      items.get(id) ?? vscode.window.createStatusBarItem(id, vscode.StatusBarAlignment.Left, 1000 - items.size);
    items.set(id, item);
    item.name = id === "inpod" ? "inpod" : `inpod: ${id.slice("app.".length)}`;
    item.text = button.text;
    item.tooltip = button.tooltip;
    item.command = command;
    item.backgroundColor =
      button.tone === "calm" ? undefined : new vscode.ThemeColor(`statusBarItem.${button.tone}Background`);
    item.show();
  };
  const draw = () => {
    const apps = status?.app ?? [];
    const wanted = new Set(apps.length === 0 ? ["inpod"] : apps.map(({ name }) => `app.${name}`));
    for (const [id, item] of items) {
      if (wanted.has(id)) continue;
      item.dispose();
      items.delete(id);
    }
    if (apps.length > 0) {
      for (const app of apps) {
        const button = appButton(app, apps.length > 1, news.get(app.name)?.record);
        show(`app.${app.name}`, button, { command: "inpod.restartApp", title: "Restart app", arguments: [app.name] });
      }
    } else if (status === undefined) {
      show("inpod", silentButton(everHeard, problem), { command: "inpod.showLog", title: "Show log" });
    } else show("inpod", standaloneButton, { command: "inpod.openPage", title: "Open page" });
  };

  draw();
  return {
    status(now, why) {
      status = now;
      problem = why;
      everHeard ||= now !== undefined;
      draw();
    },
    restart(record) {
      clearTimeout(news.get(record.app)?.timer);
      news.delete(record.app);
      if (record.outcome !== undefined) {
        const timer = setTimeout(() => {
          news.delete(record.app);
          draw();
        }, newsFor);
        news.set(record.app, { record, timer });
      }
      draw();
    },
    dispose() {
      for (const { timer } of news.values()) clearTimeout(timer);
      for (const item of items.values()) item.dispose();
    },
  };
}

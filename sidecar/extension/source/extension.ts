import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import { createApiClient } from "../../cli/api-client.ts";
import { pathsIn } from "../../protocol/paths.ts";
import { createDirtyReport } from "./dirty-files.ts";
import { createEditorReport } from "./editor-report.ts";
import { openEventStream } from "./event-stream.ts";
import { tidyFirstVisit } from "./first-visit.ts";
import { watchGit } from "./git-watch.ts";
import { createLogFeed } from "./log-feed.ts";
import { errorMessage } from "./outcome-message.ts";
import { pageAddress } from "./page-address.ts";
import { createRestartCommand } from "./restart-command.ts";
import { provideRestartTasks } from "./restart-task.ts";
import { showBuildProblems } from "./show-build-problems.ts";
import { createStatusBar } from "./status-bar.ts";
import { tellHelper } from "./tell-helper.ts";

/** Lines of the past that the log starts with. */
const pastLines = 500;
/** A checkout or a save of many files is one change, milliseconds. */
const dirtyQuiet = 500;

export function activate(context: vscode.ExtensionContext): void {
  const { apiSocket } = pathsIn(process.env["INPOD_HOME"] ?? "/inpod");
  const stopped = new AbortController();
  const client = createApiClient(apiSocket, stopped.signal);
  const channel = vscode.window.createOutputChannel("inpod: app", "log");
  const statusBar = createStatusBar();
  const problems = showBuildProblems();
  let apps: readonly string[] = [];
  let sourcePath = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "/";

  const logs = createLogFeed({
    fetch: (after) => client.logs(after === undefined ? { limit: pastLines } : { after }),
    show: (text) => channel.append(text),
    several: () => apps.length > 1,
  });
  const dirty = createDirtyReport({
    tell: (files) => tellHelper(apiSocket, { dirtyFiles: files }, stopped.signal),
    quietMs: dirtyQuiet,
  });
  const window = randomUUID();
  const editors = createEditorReport({
    count: countUnsaved,
    save: async () => vscode.workspace.saveAll(false),
    tell: (report) => tellHelper(apiSocket, { editors: { window, ...report } }, stopped.signal),
  });
  let connected = false;
  const stream = openEventStream({
    socketPath: apiSocket,
    window,
    heard(events) {
      for (const event of events) {
        if (event.type === "status") {
          apps = event.status.app.map(({ name }) => name);
          sourcePath = event.status.source.path ?? sourcePath;
          statusBar.status(event.status);
          if (event.status.source.dirtyFiles === null) dirty.helperForgot();
        } else if (event.type === "restart") {
          statusBar.restart(event.restart);
          restarts.heard(event.restart);
          problems.restart(event.restart, sourcePath);
        } else if (event.type === "save") editors.askedToSave(event.save.id);
      }
      if (!connected) {
        logs.connected();
        editors.helperForgot();
      }
      connected = true;
      logs.live(events.flatMap((event) => (event.type === "log" ? [event.line] : [])));
    },
    lost(problem) {
      connected = false;
      statusBar.status(undefined, problem);
    },
  });

  const showLog = () => channel.show(true);
  const restarts = createRestartCommand({
    client,
    apps: () => apps,
    ended: (record) => statusBar.restart(record),
    log: (text) => channel.append(text),
    showLog,
  });
  context.subscriptions.push(
    channel,
    statusBar,
    vscode.workspace.onDidChangeTextDocument(() => editors.changed()),
    vscode.workspace.onDidSaveTextDocument(() => editors.changed()),
    vscode.workspace.onDidCloseTextDocument(() => editors.changed()),
    vscode.workspace.onDidChangeNotebookDocument(() => editors.changed()),
    vscode.workspace.onDidSaveNotebookDocument(() => editors.changed()),
    vscode.workspace.onDidCloseNotebookDocument(() => editors.changed()),
    problems,
    { dispose: () => stopped.abort() },
    { dispose: () => stream.close() },
    { dispose: () => dirty.close() },
    vscode.commands.registerCommand("inpod.restartApp", (app?: unknown) => restarts.run(app)),
    vscode.commands.registerCommand("inpod.showLog", showLog),
    vscode.commands.registerCommand("inpod.openPage", openPage),
    provideRestartTasks(() => apps),
  );
  const complain = (error: unknown) => channel.append(`── ${errorMessage(error)} ──\n`);
  tidyFirstVisit(context.workspaceState).catch(complain);
  watchGit((files) => dirty.counted(files)).then((watch) => context.subscriptions.push(watch), complain);
}

function countUnsaved(): { unsaved: number; untitled: number } {
  // A notebook's cells are text documents too; the notebook is what is saved.
  const texts = vscode.workspace.textDocuments.filter(({ uri }) => uri.scheme !== "vscode-notebook-cell");
  const dirty = [...texts, ...vscode.workspace.notebookDocuments].filter(({ isDirty }) => isDirty);
  const untitled = dirty.filter(({ isUntitled }) => isUntitled).length;
  return { unsaved: dirty.length - untitled, untitled };
}

/** The page is on the IDE's own origin, which only the browser knows: VS Code tells it in the address of its callback. */
async function openPage(): Promise<void> {
  const callback = await vscode.env.asExternalUri(vscode.Uri.parse(`${vscode.env.uriScheme}://inpod.inpod/page`));
  await vscode.env.openExternal(vscode.Uri.parse(pageAddress(callback.toString(true)), true));
}

import * as vscode from "vscode";

const visited = "visited";

/**
 * At a browser's first visit VS Code lays its window out before the extension's defaults have arrived: the welcome page and the
 * chat's side bar may be open, though `workbench.startupEditor` and `chat.disableAIFeatures` say otherwise. Later visits know
 * the defaults, and what a person opens then stays. In the web this state is the browser's, not the server's.
 */
export async function tidyFirstVisit(state: vscode.Memento): Promise<void> {
  if (state.get(visited) === true) return;
  await state.update(visited, true);
  if (vscode.workspace.getConfiguration("workbench").get("startupEditor") === "none") {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const [tab] = tabs;
    // It is one of those whose kind extensions aren't told.
    if (tabs.length === 1 && tab?.label === "Welcome" && tab.input === undefined) {
      await vscode.window.tabGroups.close(tab);
    }
  }
  if (vscode.workspace.getConfiguration("chat").get("disableAIFeatures") === true) {
    await vscode.commands.executeCommand("workbench.action.closeAuxiliaryBar");
  }
}

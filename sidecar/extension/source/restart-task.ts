import * as vscode from "vscode";

/** The task `inpod: restart app`, for `preLaunchTask` and for people who live in tasks: it runs the command of the terminal. */
export function provideRestartTasks(apps: () => readonly string[]): vscode.Disposable {
  return vscode.tasks.registerTaskProvider("inpod", {
    provideTasks() {
      const names = apps();
      return names.length > 1
        ? names.map((app) => restartTask({ type: "inpod", task: "restart app", app }))
        : [restartTask()];
    },
    resolveTask: ({ definition }) => restartTask(definition),
  });
}

function restartTask(definition: vscode.TaskDefinition = { type: "inpod", task: "restart app" }): vscode.Task {
  const app: unknown = definition["app"];
  const named = typeof app === "string" ? [app] : [];
  const task = new vscode.Task(
    definition,
    vscode.TaskScope.Workspace,
    ["restart app", ...named].join(" "),
    "inpod",
    new vscode.ShellExecution("restart", named),
    [],
  );
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Silent, clear: true, showReuseMessage: false };
  return task;
}

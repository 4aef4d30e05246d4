import * as vscode from "vscode";
import type { Problem, RestartRecord } from "../../protocol/index.ts";
import { problemsAfter } from "./build-problems.ts";

export interface BuildProblems {
  restart(record: RestartRecord, sourcePath: string): void;
  dispose(): void;
}

/** The build's complaints in the editor and the Problems view. */
export function showBuildProblems(): BuildProblems {
  const collection = vscode.languages.createDiagnosticCollection("inpod build");
  return {
    restart(record, sourcePath) {
      const files = problemsAfter(record, sourcePath);
      if (files === undefined) return;
      collection.clear();
      for (const [file, problems] of files) collection.set(vscode.Uri.file(file), problems.map(diagnosticOf));
    },
    dispose: () => collection.dispose(),
  };
}

/** The compiler names a point; to the end of the line is what a person sees. */
function diagnosticOf({ line, column, severity, message }: Problem): vscode.Diagnostic {
  const start = new vscode.Position(line - 1, (column ?? 1) - 1);
  const range = new vscode.Range(start, start.with({ character: 10_000 }));
  const level = severity === "warning" ? vscode.DiagnosticSeverity.Warning : vscode.DiagnosticSeverity.Error;
  const diagnostic = new vscode.Diagnostic(range, message, level);
  diagnostic.source = "inpod build";
  return diagnostic;
}

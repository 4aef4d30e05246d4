import * as vscode from "vscode";
import { countDirtyFiles, type RepositoryChanges } from "./dirty-files.ts";

/** As much as is needed of version 1 of the built-in git extension's API. */
interface GitApi {
  readonly repositories: readonly Repository[];
  readonly onDidOpenRepository: vscode.Event<Repository>;
  readonly onDidCloseRepository: vscode.Event<Repository>;
}

interface Repository {
  readonly state: RepositoryChanges & { readonly onDidChange: vscode.Event<void> };
}

interface GitExtension {
  readonly enabled: boolean;
  readonly onDidChangeEnablement: vscode.Event<boolean>;
  getAPI(version: 1): GitApi;
}

/** Counts the files changed but not committed, at each change; says nothing where there is no git or no repository yet. */
export async function watchGit(counted: (files: number) => void): Promise<vscode.Disposable> {
  const git = await vscode.extensions.getExtension<GitExtension>("vscode.git")?.activate();
  if (git === undefined) return { dispose: () => {} };
  const listeners: vscode.Disposable[] = [];
  const perRepository = new Map<Repository, vscode.Disposable>();
  let started = false;

  const start = () => {
    if (started || !git.enabled) return;
    started = true;
    const api = git.getAPI(1);
    let ever = false;
    const count = () => {
      ever ||= api.repositories.length > 0;
      if (ever) counted(countDirtyFiles(api.repositories.map(({ state }) => state)));
    };
    // A repository is there before its first status: it fires a change then.
    const open = (repository: Repository) => perRepository.set(repository, repository.state.onDidChange(count));
    for (const repository of api.repositories) open(repository);
    if (api.repositories.length > 0) count();
    listeners.push(
      api.onDidOpenRepository(open),
      api.onDidCloseRepository((repository) => {
        perRepository.get(repository)?.dispose();
        perRepository.delete(repository);
        count();
      }),
    );
  };
  listeners.push(git.onDidChangeEnablement(start));
  start();
  return { dispose: () => vscode.Disposable.from(...listeners, ...perRepository.values()).dispose() };
}

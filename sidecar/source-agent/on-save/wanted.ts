import picomatch from "picomatch";

/** Which paths below the source count; all relative to it. */
export interface Wanted {
  /** Whether to look into a folder. */
  folder(path: string): boolean;
  file(path: string): boolean;
}

/** What no program reads while it runs: tools write it. */
const neverFolders = [".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".idea", ".vscode", ".cache"];
/** Editors' own: backups, swap files, vim's test of the folder. Ours: the probe. */
const neverFiles = [
  "*~",
  "*.sw?",
  "*.swpx",
  "4913",
  ".#*",
  "#*#",
  ".goutputstream-*",
  ".DS_Store",
  "*.pyc",
  ".inpod-*",
];
/** Where builds put what they make. */
const outputs = ["bin", "build", "dist", "out", "target", ".gradle"];

/** `include` empty: every file. `ignore` wins over `include`; both are globs relative to the source. */
export function createWanted(given: {
  readonly include: readonly string[];
  readonly ignore: readonly string[];
  readonly builds: boolean;
}): Wanted {
  const options = { dot: true };
  const folders = new Set([...neverFolders, ...(given.builds ? outputs : [])]);
  const temporary = picomatch(neverFiles, options);
  const ignored = given.ignore.length === 0 ? () => false : picomatch([...given.ignore], options);
  const included = given.include.length === 0 ? () => true : picomatch([...given.include], options);
  return {
    // `dir/**` means the folder too; `dir` alone does as well.
    folder: (path) => !folders.has(nameOf(path)) && !ignored(path) && !ignored(`${path}/`),
    file: (path) => !temporary(nameOf(path)) && !ignored(path) && included(path),
  };
}

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

/** Folders and names that code-server is started with; all absolute paths. */
export interface IdeFlagsOptions {
  /** INPOD_HOME: `/inpod` in a pod. The socket is `<home>/run/ide.sock`. */
  readonly home: string;
  /** HOME of the IDE's user: settings and extensions live below it. */
  readonly userHome: string;
  /** INPOD_RELEASE: two workspaces behind one host name mustn't share a cookie. */
  readonly release: string;
  /** Folder with the built-in extensions, where inpod's own can't be put beside code-server's. */
  readonly builtinExtensions?: string;
}

/** The one list of code-server's flags; the image's launcher `ide-launcher.sh` has the same, and a test compares them. */
export function ideFlags({ home, userHome, release, builtinExtensions }: IdeFlagsOptions): string[] {
  const data = `${userHome}/.local/share/code-server`;
  return [
    // Never TCP: the app shares the pod's loopback, and whatever it can be talked into asking there would be a shell here.
    `--socket=${home}/run/ide.sock`,
    // The helper has a uid of its own; it and the IDE share the volume's group, and nobody else mounts the volume.
    "--socket-mode=0660",
    // The helper in front owns login.
    "--auth=none",
    "--disable-telemetry",
    "--disable-update-check",
    // Its port proxy would hand the app's ports our origin.
    "--disable-proxy",
    `--cookie-suffix=${release}`,
    // Seconds; the default of 3 h keeps a closed tab's extension host, half a GB, in memory.
    "--reconnection-grace-time=300",
    "--disable-getting-started-override",
    "--disable-workspace-trust",
    "--app-name=inpod",
    // The environment is the container's. A login shell's would come in its place: /etc/profile sets PATH anew, and
    // the toolchains and `restart` would be gone from it.
    "--vscode-option=force-disable-user-env",
    `--config=${data}/inpod.yaml`,
    `--user-data-dir=${data}`,
    `--extensions-dir=${data}/extensions`,
    ...(builtinExtensions === undefined ? [] : [`--builtin-extensions-dir=${builtinExtensions}`]),
  ];
}

/** The one code-server this release is tested with; its `--version` starts with it. */
export const codeServerVersion = "4.139.1";

/** code-server's own rule ("engines"): another major version of Node has another module ABI. */
export const codeServerNodeMajor = 24;

/** Why the local pod can't start: a code to match, a sentence with the values, and the fix. */
export class LocalPodError extends Error {
  readonly code: string;
  readonly title: string;
  readonly fix: string;

  constructor(code: string, title: string, fix: string, options: { cause?: unknown } = {}) {
    super(`${title}\n${fix}`, options);
    this.name = "LocalPodError";
    this.code = code;
    this.title = title;
    this.fix = fix;
  }
}

export const errors = {
  usage: (title: string) => new LocalPodError("INPOD_USAGE_WRONG", title, "`npm start -- --help` shows what there is."),
  portTaken: (port: number, what: string, flag: string) =>
    new LocalPodError(
      "INPOD_PORT_TAKEN",
      `Port ${port} of 127.0.0.1, meant for ${what}, is taken by another program.`,
      `Name another one (${flag}), or stop what listens there: \`ss -ltnp 'sport = :${port}'\` shows it.`,
    ),
  portForbidden: (port: number, flag: string) =>
    new LocalPodError("INPOD_PORT_FORBIDDEN", `Port ${port} is only for root.`, `Name one from 1024 on (${flag}).`),
  homeTooLong: (home: string, most: number) =>
    new LocalPodError(
      "INPOD_HOME_LONG",
      `The local pod's folder has a path of ${Buffer.byteLength(home)} bytes, and its sockets allow ${most}: ${home}`,
      "Name a shorter one: INPOD_HOME=FOLDER npm start",
    ),
  homeBusy: (home: string, url: string | undefined) =>
    new LocalPodError(
      "INPOD_HOME_BUSY",
      `The local pod of ${home} is running already${url === undefined ? "" : `: ${url}`}`,
      "Stop it (Ctrl-C in its terminal), or start a second one with another INPOD_HOME and INPOD_PORT.",
    ),
  cannotWrite: (path: string, cause: NodeJS.ErrnoException) =>
    cause.code === "ENOSPC" || cause.code === "EDQUOT"
      ? new LocalPodError(
          "INPOD_DISK_FULL",
          `The disk is full: ${path} can't be written.`,
          "Free about 1 GB there, or put the local pod elsewhere (INPOD_HOME=FOLDER, INPOD_CACHE=FOLDER), then start again.",
          { cause },
        )
      : new LocalPodError(
          "INPOD_FOLDER_READONLY",
          `${path} can't be written (${cause.code}).`,
          "Make it your own, or put the local pod elsewhere: INPOD_HOME=FOLDER npm start",
          { cause },
        ),
  copyFailed: (from: string, to: string, said: string) =>
    new LocalPodError(
      "INPOD_SOURCE_COPY",
      `${from} could not be copied to ${to}: ${said}`,
      "Mend that, then start again: what is there is kept.",
    ),
  notUp: (what: string, seconds: number, log: string, tail: string) =>
    new LocalPodError(
      "INPOD_START_TIMEOUT",
      `${what} did not come up in ${seconds} s. Its last lines:\n${tail}`,
      `The whole log is ${log}.`,
    ),
} as const;

/** What the harness says when it can't go on: a code to match, a sentence with the values, and the fix. */
export class ClusterError extends Error {
  readonly code: string;
  readonly title: string;
  readonly fix: string | undefined;

  constructor(code: string, title: string, options: { fix?: string; cause?: unknown } = {}) {
    super(options.fix === undefined ? title : `${title}\n${options.fix}`, { cause: options.cause });
    this.name = "ClusterError";
    this.code = code;
    this.title = title;
    this.fix = options.fix;
  }
}

/** What stands between this machine and code-server: a code to match, a sentence with the values, and the fix. */
export class CodeServerError extends Error {
  readonly code: string;
  readonly title: string;
  readonly fix: string;

  constructor(code: string, title: string, fix: string, options: { cause?: unknown } = {}) {
    super(`${title}\n${fix}`, options);
    this.name = "CodeServerError";
    this.code = code;
    this.title = title;
    this.fix = fix;
  }
}

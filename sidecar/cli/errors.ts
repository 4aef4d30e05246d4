import { ExitCode, type ApiError } from "../protocol/index.ts";

/** An error a person reads: what happened with the values, then the fix. */
export class CliError extends Error {
  readonly code: string;
  readonly fix: string;
  readonly exitCode: ExitCode;

  constructor(told: { code: string; title: string; fix: string; exitCode: ExitCode }, options?: ErrorOptions) {
    super(told.title, options);
    this.code = told.code;
    this.fix = told.fix;
    this.exitCode = told.exitCode;
  }
}

export function helperUnreachable(socket: string, cause: unknown): CliError {
  return new CliError(
    {
      code: "INPOD_HELPER_UNREACHABLE",
      title: `the helper doesn't answer on ${socket}`,
      fix: "run this in the IDE's terminal; elsewhere set INPOD_HOME to the folder that `npm start` printed. In a pod: kubectl logs POD -c inpod",
      exitCode: ExitCode.failed,
    },
    { cause },
  );
}

export function wrongUsage(title: string, fix: string): CliError {
  return new CliError({ code: "INPOD_USAGE_WRONG", title, fix, exitCode: ExitCode.usage });
}

const usageCodes = new Set(["INPOD_APP_UNKNOWN", "INPOD_APP_AMBIGUOUS", "INPOD_REQUEST_INVALID"]);

/** The helper said no; its words are kept. */
export function helperRefused(status: number, error: ApiError): CliError {
  return new CliError({
    code: error.code,
    title: error.detail === undefined ? error.title : `${error.title}: ${error.detail}`,
    fix: error.fix ?? "see inpod status",
    exitCode: usageCodes.has(error.code) ? ExitCode.usage : status >= 500 ? ExitCode.failed : ExitCode.refused,
  });
}

/** The one place where an error becomes text. */
export function renderError(error: unknown): { text: string; exitCode: ExitCode; json: object } {
  if (error instanceof CliError) {
    return {
      text: `${error.message}\n  fix: ${error.fix}  [${error.code}]\n`,
      exitCode: error.exitCode,
      json: { code: error.code, title: error.message, fix: error.fix },
    };
  }
  const title = error instanceof Error ? error.message : String(error);
  return { text: `unexpected: ${title}\n`, exitCode: ExitCode.failed, json: { code: "INPOD_UNEXPECTED", title } };
}

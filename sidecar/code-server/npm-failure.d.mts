export interface NpmFailure {
  code: string;
  title: string;
  fix: string;
}

/** The cause of a failed npm run, read from what it printed; undefined where npm's own words say it best. */
export function explainNpmFailure(output: string): NpmFailure | undefined;

/** npm's own lines about the failure, without its advice and log paths; at most `limit` (12). */
export function npmErrorLines(output: string, limit?: number): string;

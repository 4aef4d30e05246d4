/** One line of `inpod doctor`: what was looked at, what was found, and what to do about it. */
export interface Finding {
  readonly name: string;
  readonly level: "ok" | "warn" | "fail";
  readonly found: string;
  readonly fix?: string;
}

export const ok = (name: string, found: string): Finding => ({ name, level: "ok", found });
export const warn = (name: string, found: string, fix: string): Finding => ({ name, level: "warn", found, fix });
export const fail = (name: string, found: string, fix: string): Finding => ({ name, level: "fail", found, fix });

export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, level, found, fix }) => {
      const line = `${level.padEnd(4)}  ${name.padEnd(width)}  ${found}\n`;
      return fix === undefined ? line : `${line}${" ".repeat(width + 8)}fix: ${fix}\n`;
    })
    .join("");
}

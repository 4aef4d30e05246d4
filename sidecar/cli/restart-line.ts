import type { RestartRecord } from "../protocol/index.ts";
import { restartText } from "./restart-text.ts";

/** One restart in the list of `inpod restarts`: its number, when, how it ended, what had changed. */
export function restartLine(record: RestartRecord): string {
  const number = record.ran === undefined ? "-" : String(record.ran.n);
  return `${number.padStart(4)}  ${record.askedAt}  ${restartText(record)}${changeText(record)}`;
}

function changeText({ ran }: RestartRecord): string {
  if (ran === undefined) return "";
  const back = ran.to === undefined ? "" : `; back to ${ran.to}`;
  if (ran.files === 0) return back;
  return `${back}; ${ran.files} file${ran.files === 1 ? "" : "s"} +${ran.insertions} -${ran.deletions}`;
}

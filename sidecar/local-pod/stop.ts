import { existsSync } from "node:fs";

/**
 * Fires at SIGINT, SIGTERM, SIGHUP, or when the process that passes signals on to us (INPOD_PARENT, the bootstrap) is
 * gone: killed, it couldn't tell. More signals while we stop change nothing: Ctrl-C reaches us twice, by the terminal and passed on.
 */
export function stopRequested(process: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
  const parent = process.env["INPOD_PARENT"];
  if (parent !== undefined && Number(parent) === process.ppid) {
    setInterval(() => {
      if (process.ppid !== Number(parent) || !existsSync(`/proc/${parent}`)) stop();
    }, 500).unref();
  }
  return controller.signal;
}

import { pino } from "pino";
import type { HelperLog } from "./helper.ts";

export interface Log extends HelperLog {
  started(version: string, port: number): void;
}

/** JSON lines on stdout. What is secret can't get in: a request is logged by method, path, status and time, nothing else. */
export function createLog(level: string): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  );
  return {
    started: (version, port) => logger.info({ version, port }, "the front door is open"),
    access(line) {
      // The IDE asks for a thousand files; what is said about our own routes and every "no" is enough.
      const quiet = line.path.endsWith("/-/healthz") || (line.status < 400 && !line.path.includes("/-/"));
      logger[quiet ? "debug" : "info"](line, "request");
    },
    warn: (sentence) => logger.warn(sentence),
    error: (error) => logger.error({ err: error }, "failed"),
  };
}

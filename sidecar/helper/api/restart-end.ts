import type { RestartController, RestartRecord } from "@inpod/restart-controller";

/** Longest wait of one call, milliseconds; proxies cut off calls without an answer after a minute. */
const mostWait = 55_000;

/** The restart when it has ended, or as it is after `waitMs` or when `gone` fires; undefined when there is none with this id. */
export function restartEnd(
  controller: Pick<RestartController, "find" | "subscribe">,
  id: string,
  waitMs: number,
  gone: AbortSignal,
): Promise<RestartRecord | undefined> {
  const now = controller.find(id);
  if (now === undefined || now.outcome !== undefined || waitMs === 0) return Promise.resolve(now);
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      unsubscribe();
      gone.removeEventListener("abort", finish);
      resolve(controller.find(id));
    };
    const timer = setTimeout(finish, Math.min(waitMs, mostWait));
    const unsubscribe = controller.subscribe(() => {
      if (controller.find(id)?.outcome !== undefined) finish();
    });
    gone.addEventListener("abort", finish);
  });
}

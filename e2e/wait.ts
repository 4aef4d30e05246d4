import { setTimeout as sleep } from "node:timers/promises";

/** Asks again until the answer is there; throws with what was waited for and the last answer. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  { seconds = 30, every = 200 }: { seconds?: number; every?: number } = {},
): Promise<T> {
  const giveUp = Date.now() + seconds * 1000;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await sleep(every);
  } while (Date.now() < giveUp);
  throw new Error(`waited ${seconds} s in vain until ${what}`, { cause: last });
}

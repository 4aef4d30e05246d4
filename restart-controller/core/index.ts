export type * from "./types.ts";
export type * from "./phase.ts";
export { initialState, recordOf } from "./phase.ts";
export { decide, wakeAt } from "./decide.ts";
export { holdsPort } from "./attempt.ts";
export { fastest } from "./on-request.ts";
export { priceOf, runningWait } from "./arm.ts";
export { forecast, kubeletDefaults, requeueSlack, settingsWith, startsAfter } from "./backoff.ts";
export type { BackoffSettings, ContainerExit, Forecast } from "./backoff.ts";

// Node writes its compile cache at an orderly end only, and an app without a handler for SIGTERM has none. So it is written soon after
// the boot too; what is in it already is not written again.
const { flushCompileCache } = require("module"); // Node >= 22.10
if (flushCompileCache) for (const ms of [1000, 10000]) setTimeout(() => flushCompileCache(), ms).unref();

import type { How } from "@inpod/sidecar/protocol";
import { ApiFailure, createApi } from "./api.ts";
import { createConnection } from "./connection.ts";
import { byId, pageMeta } from "./dom.ts";
import { createPageView } from "./page-view.ts";
import { emptyModel, type Model, type PageEvent } from "./state/model.ts";
import { reduce } from "./state/reduce.ts";

const base = pageMeta("inpod-base");
const api = createApi(base);
const view = createPageView(pageMeta("inpod-release"), (app, how) => void restart(app, how));
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let model: Model = emptyModel;
let drawn = false;

function dispatch(event: PageEvent): void {
  model = reduce(model, event);
  schedule();
}

/** At most one drawing a frame, however many events there are. */
function schedule(): void {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    view.update(model, performance.now());
    if (model.restarts[0]?.record.outcome === undefined && model.restarts.length > 0)
      setTimeout(schedule, calm.matches ? 500 : 30);
  });
}

async function restart(app: string, how: How | "auto"): Promise<void> {
  dispatch({ type: "asked" });
  try {
    const accepted = await api.restart({ id: requestId(), app, how });
    if (accepted.merged !== undefined) dispatch({ type: "joined", app });
    else if (accepted.note !== undefined) dispatch({ type: "noted", text: accepted.note });
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    if (error.status === 401) return toLogin();
    dispatch({ type: "refused", error: error.error });
  }
}

/** Not `randomUUID`: that exists in secure contexts only. */
function requestId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toLogin(): void {
  location.assign(`${base}/-/login?to=${encodeURIComponent(location.pathname)}`);
}

byId("logout").addEventListener("click", () => {
  api.logout().then(toLogin, (error: unknown) => {
    if (!(error instanceof ApiFailure)) throw error;
    if (error.status === 401) toLogin();
    else dispatch({ type: "refused", error: error.error });
  });
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
  if (event.target instanceof Element && event.target.closest("input, select, textarea") !== null) return;
  const [app] = model.status?.app ?? [];
  switch (event.key) {
    case "r":
      if (app !== undefined) void restart(app.name, "auto");
      break;
    case "f":
      view.togglePause();
      break;
    case "/":
      event.preventDefault();
      view.focusSearch();
      break;
    default:
  }
});

// Ages grow by themselves.
setInterval(schedule, 1000);
schedule();
createConnection({ api, eventsUrl: `${base}/-/api/events`, dispatch, loggedOut: toLogin });

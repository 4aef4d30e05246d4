import { ApiFailure, createApi } from "./api.ts";
import { byId, pageMeta, setAttribute, setText } from "./dom.ts";
import { localTarget } from "./login/local-target.ts";

const base = pageMeta("inpod-base");
const api = createApi(base);
const query = new URLSearchParams(location.search);
const target = localTarget(query.get("to"), base, location.origin);
const token = query.get("token");

const form = byId("form") as HTMLFormElement;
const field = byId("password") as HTMLInputElement;
const enter = byId("enter") as HTMLButtonElement;
const show = byId("show");
const problem = byId("problem");
const busy = byId("busy");

// A used token is worth nothing, but it needn't stay in the history either.
if (token !== null) history.replaceState(null, "", location.pathname);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void logIn();
});
show.addEventListener("click", () => {
  const shown = field.type === "text";
  field.type = shown ? "password" : "text";
  setAttribute(show, "aria-pressed", String(!shown));
  setText(show, shown ? "Show" : "Hide");
  field.focus();
});
void start();

/** A link with a token logs in by itself; who is logged in already goes straight on. */
async function start(): Promise<void> {
  let refused: unknown;
  if (token !== null) {
    form.hidden = true;
    setText(busy, "Logging in with the link's one-time token…");
    refused = await api.login({ token }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused === undefined) return goOn();
  }
  // Also who came by a link from elsewhere: their cookie comes along only now, from this very site.
  const loggedIn = await api.status().then(
    () => true,
    () => false,
  );
  if (loggedIn) return goOn();
  form.hidden = false;
  setText(busy, "");
  field.focus();
  if (refused instanceof ApiFailure && refused.status === 401) {
    setText(problem, "This login link has been used, or isn't the latest one. Take the newest, or type the password.");
  } else if (refused !== undefined) {
    await tell(refused);
  }
}

async function logIn(): Promise<void> {
  if (enter.disabled) return;
  if (field.value === "") {
    setText(problem, "Type the password first.");
    return field.focus();
  }
  enter.disabled = true;
  setText(enter, "Logging in…");
  setText(problem, "");
  try {
    await api.login({ password: field.value });
    return goOn();
  } catch (error) {
    field.select();
    field.focus();
    await tell(error);
  } finally {
    enter.disabled = false;
    setText(enter, "Log in");
  }
}

function goOn(): void {
  location.replace(target);
}

/** What went wrong, with its fix; a slow-down is counted down before the next try. */
async function tell(error: unknown): Promise<void> {
  if (!(error instanceof ApiFailure)) throw error;
  const { title, fix } = error.error;
  setText(problem, `${sentence(title)}${fix === undefined ? "" : ` ${sentence(fix)}`}`);
  const until = Date.now() + Math.min(error.retryAfter ?? 0, 60_000);
  for (let left = until - Date.now(); left > 0; left = until - Date.now()) {
    setText(enter, `Wait ${Math.ceil(left / 1000)} s`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, 250)));
  }
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

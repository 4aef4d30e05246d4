/**
 * Everything below `/-/`, in one table: the guard asks it who may enter, Express is mounted from it, the security test
 * and the OpenAPI file are compared with it. What isn't here doesn't exist.
 */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** `:name` is one segment. */
  readonly path: string;
  /** Who may call it by TCP: anybody, a logged-in person, or nobody (it is the Unix socket's). */
  readonly who: "open" | "session" | "nobody";
  /** Also answered on the Unix socket, to the IDE's own programs. */
  readonly socket: boolean;
}

export const routes = {
  healthz: { method: "GET", path: "/-/healthz", who: "open", socket: true },
  asset: { method: "GET", path: "/-/assets/:file", who: "open", socket: false },
  loginPage: { method: "GET", path: "/-/login", who: "open", socket: false },
  login: { method: "POST", path: "/-/login", who: "open", socket: false },
  logout: { method: "POST", path: "/-/logout", who: "session", socket: false },
  page: { method: "GET", path: "/-/", who: "session", socket: false },
  status: { method: "GET", path: "/-/api/status", who: "session", socket: true },
  restart: { method: "POST", path: "/-/api/restart", who: "session", socket: true },
  restarts: { method: "GET", path: "/-/api/restarts", who: "session", socket: true },
  findRestart: { method: "GET", path: "/-/api/restarts/:id", who: "session", socket: true },
  cancelRestart: { method: "DELETE", path: "/-/api/restarts/:id", who: "session", socket: true },
  diff: { method: "GET", path: "/-/api/diff/:n", who: "session", socket: true },
  hold: { method: "POST", path: "/-/api/hold", who: "session", socket: true },
  events: { method: "GET", path: "/-/api/events", who: "session", socket: true },
  logs: { method: "GET", path: "/-/api/logs", who: "session", socket: true },
  sessions: { method: "GET", path: "/-/api/sessions", who: "session", socket: false },
  revokeSession: { method: "DELETE", path: "/-/api/sessions/:id", who: "session", socket: false },
  command: { method: "POST", path: "/-/api/command", who: "nobody", socket: true },
  reportSource: { method: "POST", path: "/-/api/source", who: "nobody", socket: true },
  reportIde: { method: "POST", path: "/-/api/ide", who: "nobody", socket: true },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

export interface Found {
  readonly name: RouteName;
  readonly route: Route;
}

const compiled = Object.entries(routes).map(([name, route]) => ({
  name: name as RouteName,
  route: route as Route,
  pattern: new RegExp(`^${route.path.replaceAll(/:\w+/g, "[^/]+")}$`),
}));

/** The route of a parsed path; HEAD is answered like GET. "method" when the path exists with other methods only. */
export function findRoute(method: string, path: string): Found | "method" | undefined {
  const wanted = method === "HEAD" ? "GET" : method;
  const here = compiled.filter(({ pattern }) => pattern.test(path));
  const found = here.find(({ route }) => route.method === wanted);
  if (found !== undefined) return { name: found.name, route: found.route };
  return here.length > 0 ? "method" : undefined;
}

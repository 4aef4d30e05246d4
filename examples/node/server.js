import { createServer } from "node:http";

const started = new Date();

/** Method and path → what is answered. Change a text, save, then type `restart app`. */
const routes = {
  "GET /": () => text("Hello from the pod.\n"),
  "GET /healthz": () => text("ok\n"),
  "GET /whoami": () => json({ pid: process.pid, startedAt: started.toISOString(), node: process.version }),
};

const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  const route = routes[`${request.method} ${path}`];
  const answer = route === undefined ? text(`There is no ${request.method} ${path}.\n`, 404) : route();
  response.writeHead(answer.status, { "content-type": answer.type, "cache-control": "no-store" });
  response.end(answer.body);
  console.log(`${request.method} ${path} ${answer.status}`);
});

function text(body, status = 200) {
  return { status, type: "text/plain; charset=utf-8", body };
}

function json(value) {
  return { status: 200, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

const port = Number(process.env.PORT ?? 8080);
server.listen(port, process.env.HOST, () =>
  console.log(`listening on port ${server.address().port}, pid ${process.pid}`),
);

// As PID 1 a process has no default for SIGTERM: without this, every restart would wait for the whole grace period.
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

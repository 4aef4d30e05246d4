"""A small service on Python's standard library: change the greeting, save, and look again."""

import json
import os
import signal
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GREETING = "Hello from Python.\n"

started = datetime.now(timezone.utc)


def whoami() -> str:
    return json.dumps({"pid": os.getpid(), "startedAt": started.isoformat()}) + "\n"


ROUTES = {
    "/": ("text/plain; charset=utf-8", lambda: GREETING),
    "/healthz": ("text/plain; charset=utf-8", lambda: "ok\n"),
    "/whoami": ("application/json", whoami),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, body = ROUTES.get(self.path, ("text/plain; charset=utf-8", lambda: f"There is no {self.path}.\n"))
        text = body().encode()
        self.send_response(200 if self.path in ROUTES else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main() -> None:
    address = (os.environ.get("HOST", ""), int(os.environ.get("PORT", "8080")))
    server = ThreadingHTTPServer(address, Handler)
    # shutdown() waits for serve_forever(), which runs in the thread that gets the signal.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on port {server.server_port}, pid {os.getpid()}", flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()


if __name__ == "__main__":
    main()

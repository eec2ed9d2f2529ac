"""An application whose users sign in: a web server on loopback that is led back to."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Self
from urllib.parse import parse_qsl, urlsplit

WAIT = 30.0
"""Seconds after which a test has failed, and not the machine been slow."""


class WebApplication:
    """Start and stop with `with`. /callback keeps the query of each visit; /frame?{address} shows it in a frame."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.visits = SimpleQueue()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.callback = f"{self.url}/callback"

    def told(self) -> dict[str, str]:
        """The query of the next visit to /callback that nobody has asked for. Raises queue.Empty."""
        return self._server.visits.get(timeout=WAIT)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    visits: SimpleQueue[dict[str, str]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/callback":
            self.server.visits.put(dict(parse_qsl(asked.query, keep_blank_values=True)))
            self._answer("<title>Connected</title>")
        elif asked.path == "/frame":
            self._answer(f'<iframe src="{asked.query.replace("&", "&amp;")}"></iframe>')
        else:
            self.send_error(404)

    def _answer(self, page: str) -> None:
        body = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Nothing: tests look at what was told."""

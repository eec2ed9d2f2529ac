"""The web server of an application that sends its users to sign in."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript"


@dataclass
class WebApp:
    """Start and stop with `with`. Serves `files` (path → content type, content); at /back it thanks whoever comes."""

    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    url: str = ""

    @property
    def back(self) -> str:
        """Its redirect URI."""
        return f"{self.url}/back"

    def __enter__(self) -> Self:
        files = self.files
        files["/back"] = (HTML, b"<!doctype html><title>The application</title><h1>Welcome back</h1>")

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                kind, content = files.get(urlsplit(self.path).path, (HTML, b""))
                self.send_response(200 if content else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

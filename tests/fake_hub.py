"""A web server on this machine that answers as the hub does, out of one folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0" * 40
ERRORS = {"gated": (403, "GatedRepo"), "absent": (404, "RepoNotFound")}  # by the owner of a repository


@contextmanager
def fake_hub(folder: Path) -> Iterator[str]:
    """Its address. A repository has the files of `folder`; of the owner `alone`, those of `folder`/alone."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hub, folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Hub(BaseHTTPRequestHandler):
    """`/OWNER/NAME/resolve/REVISION/FILE`, and what `/api/models/OWNER/NAME` lists."""

    def __init__(self, folder: Path, *arguments: Any) -> None:
        self._folder = folder
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0].lstrip("/")
        error = None
        name = "list"
        if path.startswith("api/models/"):
            content = self._listed(tree="/tree/" in path)
        else:
            owner, _, _, _, name = path.split("/", 4)
            file = self._folder / ("alone" if owner == "alone" else "") / name
            error = ERRORS.get(owner) or (None if file.is_file() else (404, "EntryNotFound"))
            content = b"" if error else file.read_bytes()
        self.send_response(error[0] if error else 200)
        if error:
            self.send_header("X-Error-Code", error[1])
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{name.replace("/", "-")}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _listed(self, *, tree: bool) -> bytes:
        names = [path.name for path in self._folder.iterdir() if path.is_file()]
        if tree:
            return json.dumps(
                [{"type": "file", "path": name, "size": 1, "oid": ""} for name in names]
            ).encode()
        return json.dumps(
            {"id": "a/b", "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
        ).encode()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""

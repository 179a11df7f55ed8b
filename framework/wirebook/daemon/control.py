"""Asking the running process: a unix socket, one request a connection, JSON both ways."""

import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wirebook.errors import WirebookError

Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]

MOST_BYTES = 1 << 16
"""Bytes that a request has at most."""

TIMEOUT = 5.0
"""Seconds that either side waits for the other."""


class NotRunning(WirebookError):
    """No process answers."""


def runtime_dir() -> Path:
    """Where the sockets of this user's processes are."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base:
        return Path(base) / "wirebook"
    return Path("/run/wirebook") if os.geteuid() == 0 else Path(f"/tmp/wirebook-{os.geteuid()}")


def socket_path(venue: str, given: str | None) -> Path:
    """The socket of a venue's process."""
    return Path(given) if given else runtime_dir() / f"{venue}.sock"


class ControlServer:
    """Answers requests on a thread of its own, one after the other: nobody can keep it from the next for long."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self.path = path
        self._handler = handler
        self._listener = _listen(path)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(TIMEOUT)
                connection.sendall(self._answer(_receive(connection)))

    def _answer(self, request: bytes) -> bytes:
        try:
            asked = json.loads(request)
            if not isinstance(asked, dict):
                raise ValueError("a request is a JSON object")
            answer = dict(self._handler(asked))
        except (ValueError, WirebookError, RuntimeError) as error:
            answer = {"error": str(error)}
        return json.dumps(answer).encode()

    def close(self) -> None:
        """Ends it and takes its socket away."""
        with contextlib.suppress(OSError):
            # Wakes the thread that waits for a connection.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(TIMEOUT)
        self.path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise WirebookError(f"control: {path} is there and is no socket; give another path")
        try:
            ask(path, {"request": "ping"})
        except NotRunning:
            # Left over by a process that was killed.
            path.unlink()
        else:
            raise WirebookError(f"control: a process answers at {path} already; stop it, or give another path")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # From its first moment on it is this user's only.
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        listener.listen(16)
    except OSError as error:
        listener.close()
        raise WirebookError(f"control: cannot listen at {path}: {error.strerror or error}") from error
    return listener


def _receive(connection: socket.socket) -> bytes:
    """Takes what the other side has to say, up to a limit."""
    parts: list[bytes] = []
    size = 0
    while size < MOST_BYTES and (part := connection.recv(1 << 16)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def ask(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Asks the process at a socket.

    Raises:
        NotRunning: where nobody answers there.
        WirebookError: with what the process has against the request.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode())
            connection.shutdown(socket.SHUT_WR)
            parts = list(iter(lambda: connection.recv(1 << 16), b""))
    except OSError as error:
        reason = error.strerror or str(error)
        raise NotRunning(f"no process answers at {path}: {reason}; is `wirebook run` running?") from error
    try:
        answer: dict[str, Any] = json.loads(b"".join(parts))
    except ValueError as error:
        raise NotRunning(f"what answers at {path} is no wirebook process") from error
    if "error" in answer:
        raise WirebookError(str(answer["error"]))
    return answer

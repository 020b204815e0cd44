"""Requests over kept connections, and when they are sent again."""
from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import ConnectionFailed, ProblemError

RETRIED_STATUSES = (429, 503)
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0  # a longer Retry-After is told to the caller as the error it came with
KEPT_CONNECTIONS = 8


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes = field(repr=False)


def problem_of(reply: Reply) -> ProblemError:
    try:
        problem = json.loads(reply.body)
    except ValueError:  # not from our server; a proxy's page, perhaps
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": http.client.responses.get(reply.status, "Error"), "status": reply.status,
                   "detail": reply.body[:200].decode(errors="replace")}
    return ProblemError(reply.status, problem)  # type: ignore[arg-type]


def retry_after(headers: http.client.HTTPMessage) -> float | None:
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None


class Transport:
    """Threads may share it: each request has a connection of its own while it lasts."""

    def __init__(self, url: str, timeout: float, retries: int, headers: Mapping[str, str],
                 context: ssl.SSLContext | None):
        address = urllib.parse.urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"{url} is not an address such as http://127.0.0.1:8001")
        self._is_https = address.scheme == "https"
        self._host, self._port = address.hostname, address.port
        self._prefix = address.path.rstrip("/")
        self._timeout, self._retries = timeout, retries
        self._headers = dict(headers)
        self._context = context
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._is_https:
            context = self._context or ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def target(self, path: str, query: Mapping[str, object]) -> str:
        given = {name: value for name, value in query.items() if value is not None}
        return self._prefix + path + ("?" + urllib.parse.urlencode(given) if given else "")

    def headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Accept": "application/json", **self._headers, **more}

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _attempt(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None,
                 may_repeat: bool) -> Reply:
        with self._lock:
            connection = self._idle.pop() if self._idle and may_repeat else None
        is_kept = connection is not None
        connection = connection or self.connect(self._timeout)
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.headers, answer.read())
        except BaseException as error:
            connection.close()
            # The server may have closed a kept connection just then: that is no failure of it.
            if is_kept and isinstance(error, (http.client.RemoteDisconnected, BrokenPipeError,
                                              ConnectionResetError)):
                return self._attempt(method, target, headers, body, may_repeat)
            raise
        with self._lock:
            is_full = len(self._idle) >= KEPT_CONNECTIONS
            if not is_full and not answer.will_close:
                self._idle.append(connection)
                return reply
        connection.close()
        return reply

    def request(self, method: str, path: str, query: Mapping[str, object] | None = None, *,
                body: bytes | None = None, headers: Mapping[str, str] | None = None,
                may_repeat: bool = True, retries: int | None = None) -> Reply:
        """The answer, when its status is below 400. `may_repeat`: doing it twice comes to the same, so a
        request whose answer was lost is sent again; one that was answered 429 or 503 was not done at all."""
        target = self.target(path, query or {})
        sent = self.headers(headers or {})
        pause = FIRST_PAUSE_S
        retries = self._retries if retries is None else retries
        for attempt in range(retries + 1):
            is_last = attempt == retries
            wait = pause * random.uniform(0.5, 1.5)
            try:
                reply = self._attempt(method, target, sent, body, may_repeat)
            except (OSError, http.client.HTTPException) as error:
                if is_last or not (may_repeat or isinstance(error, ConnectionRefusedError)):
                    raise ConnectionFailed(f"{method} {target}: {error or type(error).__name__}") from error
            else:
                if reply.status < 400:
                    return reply
                if method == "DELETE" and reply.status == 404 and attempt > 0:
                    return reply  # the attempt whose answer was lost has done it
                asked = retry_after(reply.headers)
                if is_last or reply.status not in RETRIED_STATUSES or (asked or 0) > LONGEST_PAUSE_S:
                    raise problem_of(reply)
                wait = wait if asked is None else asked
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        raise AssertionError("every last attempt returns or raises")

"""The client: a method for each operation of /openapi.json."""
from __future__ import annotations

import json
import os
import pathlib
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, BinaryIO, Literal, cast
from ssl import SSLContext

from .errors import ConnectionFailed, ImgrouterError, JobFailed, ProblemError, WaitTimeout
from .events import Event, split_events
from .multipart import form_body
from .transport import Reply, Transport, problem_of
from .types import (BatchAnswer, Costs, Duplicates, DuplicatesAnswer, Experiments, Health, Image, ImagePage,
                    Job, JobList, MetricsSummary, SearchAnswer, Upload)

Picture = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes themselves, or a file opened for reading bytes."""
Quality = Literal["fast", "auto", "high"]
PAGE = 200  # images a request, while going through all of them
FIRST_LOOK_S, LONGEST_LOOK_S = 0.05, 1.0  # between two looks at a job


def _read(picture: Picture, name: str | None) -> tuple[str, bytes]:
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return name or "", bytes(picture)
    if isinstance(picture, (str, os.PathLike)):
        path = pathlib.Path(picture)
        return name or path.name, path.read_bytes()
    return name or os.path.basename(str(getattr(picture, "name", ""))), picture.read()


def _time(value: str | date | datetime | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value


def _list(values: Iterable[str] | str | None) -> str | None:
    return values if values is None or isinstance(values, str) else ",".join(values)


def _flag(value: bool | None) -> str | None:
    return None if value is None else "true" if value else "false"


class Client:
    """Client("http://127.0.0.1:8001") as one for all threads; close it, or use it in a `with`.

    `timeout` is of each read and write, in seconds. `retries` is how often a request is sent again: after a 429 or 503,
    when `Retry-After` says, and after a failure of the connection where doing it twice comes to the same. It does for
    uploads, as the same bytes are the same image."""

    def __init__(self, url: str = "http://127.0.0.1:8001", *, timeout: float = 60.0, retries: int = 3,
                 headers: Mapping[str, str] | None = None, ssl_context: SSLContext | None = None):
        self._timeout = timeout
        self._transport = Transport(url, timeout, retries, headers or {}, ssl_context)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def _json(self, method: str, path: str, query: Mapping[str, object] | None = None, **more: Any) -> Any:
        return json.loads(self._transport.request(method, path, query, **more).body)

    def _send_picture(self, path: str, picture: Picture | None, url: str | None, name: str | None,
                      query: Mapping[str, object], may_repeat: bool = True) -> Any:
        if (picture is None) == (url is None):
            raise ValueError("give a picture, or the url of one")
        if url is not None:
            return self._json("POST", path, query, body=json.dumps({"url": url}).encode(),
                              headers={"Content-Type": "application/json"}, may_repeat=may_repeat)
        media_type, body = form_body([_read(cast(Picture, picture), name)], {})
        return self._json("POST", path, query, body=body, headers={"Content-Type": media_type},
                          may_repeat=may_repeat)

    # Images

    def upload(self, picture: Picture | None = None, *, url: str | None = None, name: str | None = None,
               quality: Quality | None = None) -> Upload:
        """uploadImage: stores a picture, or the one at `url`, and answers when its caption is made."""
        return self._send_picture("/images", picture, url, name, {"quality": quality})

    def upload_many(self, pictures: Iterable[Picture] = (), *, urls: Iterable[str] = (),
                    quality: Quality | None = None) -> BatchAnswer:
        """uploadImages: up to 64 pictures, or urls, in one request; a result for each, in their order."""
        addresses = list(urls)
        files = [_read(picture, None) for picture in pictures]
        if bool(files) == bool(addresses):
            raise ValueError("give pictures, or urls of some")
        if addresses:
            media_type, body = "application/json", json.dumps({"urls": addresses}).encode()
        else:
            media_type, body = form_body(files, {})
        return self._json("POST", "/images/batch", {"quality": quality}, body=body,
                          headers={"Content-Type": media_type})

    def list_page(self, *, limit: int | None = None, cursor: str | None = None) -> ImagePage:
        """listImages: one page, newest first."""
        return self._json("GET", "/images", {"limit": limit, "cursor": cursor})

    def list(self, *, page: int = PAGE) -> Iterator[Image]:
        """listImages: every image, newest first; `page` of them a request."""
        cursor: str | None = None
        while True:
            answer = self.list_page(limit=page, cursor=cursor)
            yield from answer["images"]
            cursor = answer["next_cursor"]
            if cursor is None:
                return

    def get(self, image_id: str) -> Image:
        """getImage"""
        return self._json("GET", f"/images/{_segment(image_id)}")

    def change(self, image_id: str, *, caption: str | None = None, tags: Iterable[str] | None = None) -> Image:
        """changeImage: a new caption, a new list of tags, or both."""
        change: dict[str, object] = {}
        if caption is not None:
            change["caption"] = caption
        if tags is not None:
            change["tags"] = [*tags]
        return self._json("PATCH", f"/images/{_segment(image_id)}", body=json.dumps(change).encode(),
                          headers={"Content-Type": "application/json"})

    def delete(self, image_id: str) -> None:
        """deleteImage"""
        self._transport.request("DELETE", f"/images/{_segment(image_id)}")

    def duplicates(self, image_id: str) -> Duplicates:
        """getImageDuplicates"""
        answer: DuplicatesAnswer = self._json("GET", f"/images/{_segment(image_id)}/duplicates")
        return answer["duplicates"]

    def content(self, image_id: str) -> bytes:
        """getImageContent: the file as it was uploaded."""
        return self._bytes(f"/images/{_segment(image_id)}/content", {})

    def thumbnail(self, image_id: str, *, size: int | None = None) -> bytes:
        """getImageThumbnail: a small JPEG, `size` pixels at the longer side."""
        return self._bytes(f"/images/{_segment(image_id)}/thumbnail", {"size": size})

    def _bytes(self, path: str, query: Mapping[str, object]) -> bytes:
        return self._transport.request("GET", path, query, headers={"Accept": "image/*"}).body

    # Search

    def search(self, q: str | None = None, *, image_id: str | None = None, picture: Picture | None = None,
               url: str | None = None, mode: Literal["semantic", "keyword", "hybrid"] | None = None,
               k: int | None = None, cursor: str | None = None, min_score: float | Literal["auto"] | None = None,
               exact: bool | None = None, ids: Iterable[str] | None = None,
               since: str | date | datetime | None = None, until: str | date | datetime | None = None,
               origin: str | None = None, tags: Iterable[str] | str | None = None,
               words: Iterable[str] | str | None = None) -> SearchAnswer:
        """search by words, a stored image or both; searchByPicture where a picture or its url is given. `since` is the
        parameter `from`, which is a word of Python. The next page: the same again with `cursor`."""
        query: dict[str, object] = {
            "q": q, "image_id": image_id, "mode": mode, "k": k, "cursor": cursor, "min_score": min_score,
            "exact": _flag(exact), "ids": _list(ids), "from": _time(since), "until": _time(until),
            "origin": origin, "tags": _list(tags), "words": _list(words)}
        if picture is None and url is None:
            return self._json("GET", "/search", query)
        if image_id is not None:
            raise ValueError("give a stored image, or a picture that is not stored")
        return self._send_picture("/search", picture, url, None, query)

    # Jobs

    def upload_later(self, picture: Picture | None = None, *, url: str | None = None, name: str | None = None,
                     quality: Quality | None = None, priority: Literal["bulk", "interactive"] | None = None) -> Job:
        """uploadImage with async=true: answers when the picture is safe on the server's disk."""
        query = {"quality": quality, "async": "true", "priority": priority}
        # Twice would be two jobs: not sent again where the first one may have been taken.
        return self._send_picture("/images", picture, url, name, query, may_repeat=False)

    def job(self, job_id: str) -> Job:
        """getJob"""
        return self._json("GET", f"/jobs/{_segment(job_id)}")

    def jobs(self, *, state: Literal["queued", "running", "done", "failed"] | None = None,
             limit: int | None = None) -> JobList:
        """listJobs: newest first."""
        return self._json("GET", "/jobs", {"state": state, "limit": limit})

    def delete_job(self, job_id: str) -> None:
        """deleteJob: cancels one that waits, forgets one that is over."""
        self._transport.request("DELETE", f"/jobs/{_segment(job_id)}")

    def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """The job once it is done. JobFailed when it failed, WaitTimeout after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_LOOK_S
        while True:
            job = self.job(job_id)
            if job["state"] == "failed":
                raise JobFailed(job)
            if job["state"] == "done":
                return job
            if deadline is not None and time.monotonic() + pause > deadline:
                raise WaitTimeout(f"the job {job_id} is {job['state']} after {timeout} s")
            time.sleep(pause)
            pause = min(1.5 * pause, LONGEST_LOOK_S)

    def events(self, *, last_event_id: str | None = None, timeout: float | None = None) -> Iterator[Event]:
        """followEvents: what happens to jobs and images, as it does, until the connection ends or nothing, not even
        the server's sign of life, came for `timeout` seconds. Go on with the `id` of the last event."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        connection = self._transport.connect(self._timeout if timeout is None else timeout)
        try:
            try:
                connection.request("GET", self._transport.target("/events", {}),
                                   headers=self._transport.headers(headers))
                answer = connection.getresponse()
            except OSError as error:
                raise ConnectionFailed(f"GET /events: {error}") from error
            if answer.status != 200:
                raise problem_of(Reply(answer.status, answer.headers, answer.read()))
            try:
                for name, data, event_id in split_events(answer):
                    yield Event(name, json.loads(data), event_id)
            except OSError as error:
                raise ConnectionFailed(f"GET /events: {error or 'nothing came in time'}") from error
        finally:
            connection.close()

    # Operation

    def health(self) -> Health:
        """getHealth"""
        return self._json("GET", "/healthz")

    def is_ready(self) -> bool:
        """getReadiness: whether requests can be served now; False also where nobody answers."""
        try:
            self._transport.request("GET", "/readyz", retries=0)
        except (ProblemError, ConnectionFailed):
            return False
        return True

    def costs(self, *, days: int | None = None) -> Costs:
        """getCosts"""
        return self._json("GET", "/costs", {"days": days})

    def experiments(self) -> Experiments:
        """getExperiments"""
        return self._json("GET", "/experiments")

    def summary(self) -> MetricsSummary:
        """getMetricsSummary"""
        return self._json("GET", "/metrics/summary", {"format": "json"})

    def metrics(self) -> str:
        """getMetrics: Prometheus text."""
        return self._transport.request("GET", "/metrics", headers={"Accept": "text/plain"}).body.decode()

    def openapi(self) -> dict[str, Any]:
        """getOpenApi: the description of the server."""
        return self._json("GET", "/openapi.json")


def _segment(image_id: str) -> str:
    """An id as a part of a path; what cannot be one never becomes another address."""
    if not image_id or not image_id.isalnum() or not image_id.isascii():
        raise ImgrouterError(f"{image_id!r} is no id")
    return image_id

"""Server-sent events."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """`name` is job, image or reset; `data` what it says: a Job, an ImageEvent, or an empty dictionary."""

    name: str
    data: dict[str, Any]
    id: str | None


def split_events(lines: Iterable[bytes]) -> Iterator[tuple[str, str, str | None]]:
    """The name, the data and the id of each event of a stream, given line by line."""
    name, last_id = "message", None
    data: list[str] = []
    for raw in lines:
        line = raw.decode(errors="replace").rstrip("\r\n")
        if not line:
            if data:
                yield name, "\n".join(data), last_id
            name, data = "message", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            name = value
        elif key == "data":
            data.append(value)
        elif key == "id":
            last_id = value

"""Form bodies (RFC 7578)."""
from __future__ import annotations

import secrets
from collections.abc import Iterable


def _quoted(name: str) -> str:
    # As browsers write names; no line end can leave the header.
    return name.replace("\\", "_").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def form_body(files: Iterable[tuple[str, bytes]], fields: dict[str, str]) -> tuple[str, bytes]:
    """The content type and the body of a form with the files, all in the field `file`."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for name, value in fields.items():
        pieces += [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode(),
                   value.encode(), b"\r\n"]
    for file_name, data in files:
        head = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{_quoted(file_name)}"\r\nContent-Type: application/octet-stream\r\n\r\n')
        pieces += [head.encode(), data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)

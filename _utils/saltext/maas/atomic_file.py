"""Write a file as a whole or not at all: the only writer of files in this library."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterable
from typing import Any

#: What every file has in its name while it is written.
TEMPORARY = ".saltext-maas."


def put(
    path: str,
    content: str | bytes | Iterable[bytes],
    ready: Callable[[int], object] | None = None,
    lasting: bool = False,
    folder: int | None = None,
) -> None:
    """Replace a file in one step; only its owner may read the new one.

    Args:
        path: The file, in a folder that only its owner writes to.
        content: Its whole content, or the pieces of it; text is written as UTF-8.
        ready: Called with the new file's descriptor when all is written, before the new file takes
            the place of the old one; for its owner, its mode and checks.
        lasting: Return only when the file is safely on the disk, so that it survives a crash.
        folder: Descriptor of the folder that ``path`` starts from.

    Raises:
        OSError: The file cannot be written, such as on a full disk. It is as it was, and nothing
            is left beside it.
    """
    parent, name = os.path.split(path)
    temporary = os.path.join(parent, f".{name}{TEMPORARY}{secrets.token_hex(4)}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with open(handle, "w+b") as stream:
            content = content.encode() if isinstance(content, str) else content
            for piece in [content] if isinstance(content, bytes) else content:
                stream.write(piece)
            stream.flush()
            if ready:
                ready(handle)
            if lasting:
                os.fsync(handle)
        os.replace(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    if lasting:
        place = os.open(parent or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fsync(place)
        finally:
            os.close(place)


def put_json(path: str, content: Any) -> None:
    """Replace a file by one with JSON, in a folder that is made for its owner if it is missing.

    Args:
        path: The file.
        content: What JSON can hold.

    Raises:
        OSError: The file cannot be written, such as on a full disk.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    put(path, json.dumps(content))

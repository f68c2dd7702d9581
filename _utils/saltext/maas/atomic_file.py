"""Write a file as a whole or not at all, where Salt keeps things of ours."""

from __future__ import annotations

import contextlib
import os
import secrets


def put(path: str, text: str, ready=None, lasting: bool = False) -> None:
    """Have a file hold a text; only its owner may read it.

    Args:
        path: The file, in a folder that only its owner writes to.
        text: Its whole content.
        ready: Called with the new file's descriptor before it takes the old one's place.
        lasting: Return only once it is safely on the disk, so that it is there after a crash.

    Raises:
        OSError: It cannot be written, such as on a full disk; it is as it was, and nothing is
            left beside it.
    """
    temporary = f"{path}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    number = os.open(temporary, flags, 0o600)
    try:
        with open(number, "w", encoding="utf-8") as stream:
            if ready:
                ready(number)
            stream.write(text)
            stream.flush()
            if lasting:
                os.fsync(number)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if not lasting:
        return
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

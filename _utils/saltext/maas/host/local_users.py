"""Local users of a host, to run a command as one of them and to find what is theirs."""

from __future__ import annotations

import dataclasses
import os
import pwd
from typing import Any

from saltext.maas.host.errors import HostError


@dataclasses.dataclass(frozen=True)
class Account:
    """One local user.

    Args:
        name: Login name.
        uid: Its number.
        gid: Number of its group.
        home: Its home folder.
    """

    name: str
    uid: int
    gid: int
    home: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables by which a command finds what is this user's."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}

    @property
    def identity(self) -> dict[str, Any]:
        """Return what :class:`subprocess.Popen` needs to become this user."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def local_user(root: str, name: str) -> Account:
    """Return a local user; below another root than ``/`` every user is the one that runs us.

    Raises:
        HostError: There is none of that name.
    """
    if root != "/":
        path = os.path.join(root, "root" if name == "root" else f"home/{name}")
        os.makedirs(path, mode=0o700, exist_ok=True)
        return Account(name, os.geteuid(), os.getegid(), path)
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise HostError(f"There is no local user {name!r} on this host.") from None
    return Account(name, found.pw_uid, found.pw_gid, found.pw_dir)

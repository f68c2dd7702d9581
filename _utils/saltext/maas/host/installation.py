"""Which MAAS this host has: release, deb or snap, roles, and what follows from them."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable
from typing import Any

from saltext.maas.host import paths
from saltext.maas.host.errors import CommandMissing, HostError
from saltext.maas.host.layouts import LAYOUTS, PATHS, fact
from saltext.maas.host.local_users import Account
from saltext.maas.redact import redact
from saltext.maas.release import Release, supported

_COMMAND_DIRS = ("usr/sbin", "usr/bin", "sbin", "bin", "snap/bin")
_MODES = {"all": "region+rack", "none": ""}
# Salt brings its own Python; MAAS's commands must not pick it up.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


@dataclasses.dataclass(frozen=True)
class Installation:
    """What a MAAS installation offers on its host.

    Args:
        release: Exact release of the installed package.
        kind: ``deb`` or ``snap``.
        roles: Of ``region`` and ``cluster``; from 2.0 on ``cluster`` comes
            with ``rack``, its later name.
        root: Folder that stands for ``/``.
        systemd: Whether systemd runs the services (else upstart).
    """

    release: Release
    kind: str
    roles: frozenset[str]
    root: str = "/"
    systemd: bool = True

    @property
    def sandbox(self) -> bool:
        """Return whether this is not the real system but a folder that plays one."""
        return self.root != "/"

    def fact(self, name: str) -> Any:
        """Return a value of :mod:`saltext.maas.host.layouts`, or None."""
        return fact(self.kind, name, self.release)

    def path(self, name: str) -> str:
        """Return the absolute path of a file by its name, such as ``region_config``.

        Raises:
            HostError: This release has no such file.
        """
        relative = self.fact(name) if name in PATHS else None
        if not relative:
            raise HostError(f"MAAS {self.release} ({self.kind}) has no file for {name}.")
        return os.path.join(self.root, relative)

    def has(self, name: str) -> bool:
        """Return whether this release has a fact at all."""
        return self.fact(name) is not None

    def inside(self, path: str) -> str:
        """Return a path as it reads within the root, for messages."""
        return "/" + os.path.relpath(path, self.root) if self.sandbox else path

    def need(self, role: str) -> None:
        """Make sure that this host has a role.

        Raises:
            HostError: It has not.
        """
        if role not in self.roles:
            have = " and ".join(sorted(self.roles)) or "nothing"
            raise HostError(f"This host runs no MAAS {role} (it runs: {have}).")

    def need_supported(self, role: str = "") -> None:
        """Make sure that this release can be worked with, before anything is changed.

        Args:
            role: A role that the host must have.

        Raises:
            HostError: It is not, or the host has not that role.
        """
        if role:
            self.need(role)
        try:
            supported(str(self.release))
        except ValueError as error:
            raise HostError(str(error)) from None

    def find(self, command: str) -> str | None:
        """Return the absolute path of a command; in a sandbox never the real system's."""
        below = os.pathsep.join(os.path.join(self.root, folder) for folder in _COMMAND_DIRS)
        if not self.sandbox:
            below = os.pathsep.join([below, os.environ.get("PATH", os.defpath)])
        return shutil.which(command, path=below)

    def command(self, argv: list[str]) -> list[str]:
        """Return ``argv`` with its command found.

        Raises:
            CommandMissing: It is not installed.
        """
        found = self.find(argv[0])
        if not found:
            raise CommandMissing(f"The command {argv[0]} is not installed on this host.")
        return [found, *argv[1:]]

    @staticmethod
    def environment() -> dict[str, str]:
        """Return what MAAS's commands get: English texts, no questions, not Salt's Python."""
        own = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        return {**own, "LC_ALL": "C", "LANG": "C", "DEBIAN_FRONTEND": "noninteractive"}

    def run(
        self,
        argv: list[str],
        stdin: str | None = None,
        timeout: float = 120,
        env: dict[str, str] | None = None,
        account: Account | None = None,
    ) -> tuple[int, str, str]:
        """Run a command to its end.

        Args:
            argv: Command and arguments; never a secret among them.
            stdin: Text for its standard input, where secrets go.
            timeout: Seconds after which it is killed.
            env: More of its environment; no secrets here either.
            account: Whose command it is; our own by default.

        Returns:
            ``(return code, standard output, standard error)``.

        Raises:
            CommandMissing: It is not installed.
            HostError: It could not be started, or did not end in time.
        """
        found = self.command(argv)
        if not os.access(found[0], os.X_OK):
            raise HostError(f"{found[0]} may not be run.")
        with subprocess.Popen(
            found,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.environment(), **(account.environment if account else {}), **(env or {})},
            start_new_session=True,
            cwd="/",
            text=True,
            errors="replace",
            **(account.identity if account else {}),
        ) as process:
            try:
                stdout, stderr = process.communicate(stdin, timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise HostError(f"{name_of(argv)} did not end within {timeout:g} s.") from None
        return process.returncode, stdout, stderr

    def check(
        self,
        argv: list[str],
        stdin: str | None = None,
        timeout: float = 120,
        hide: Iterable[str] = (),
        env: dict[str, str] | None = None,
        account: Account | None = None,
    ) -> str:
        """Run a command that must succeed, and return its standard output.

        Args:
            argv: As in :meth:`run`; so are stdin, timeout, env and account.
            hide: Secrets that its error text may hold and ours must not.

        Raises:
            HostError: It failed; the text ends with its last line of complaint.
        """
        who = {"account": account} if account else {}
        code, stdout, stderr = self.run(argv, stdin, timeout, env, **who)
        if code:
            raise failed(argv, code, stderr or stdout, [*hide, *([stdin] if stdin else [])])
        return stdout


def name_of(argv: list[str]) -> str:
    """Return a command as messages name it: without its arguments, but with its subcommand."""
    name = os.path.basename(argv[0])
    return f"{name} {argv[1]}" if len(argv) > 1 and not argv[1].startswith("-") else name


def failed(argv: list[str], code: int, output: str, hide: Iterable[str] = ()) -> HostError:
    """Return the error for a command that returned ``code``, with its last line of output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = redact(lines[-1], [text.strip() for text in hide])[:500] if lines else "no message"
    return HostError(f"{name_of(argv)} failed with status {code}: {last}")


def detect(root: str = "/") -> Installation | None:
    """Find out which MAAS is installed, from files alone.

    Args:
        root: Folder that stands for ``/``.

    Returns:
        The :class:`Installation`, or None when no MAAS is installed.

    Raises:
        HostError: The release is none that can be worked with.

    MAAS 1.5 to 3.8, deb, and snap from 2.2 on.
    """
    root = os.path.abspath(root)
    return _deb(root) or _snap(root)


def detect_client(root: str = "/") -> Installation | None:
    """As :func:`detect`, but content with the ``maas`` command alone (package ``maas-cli``)."""
    root = os.path.abspath(root)
    version = packages(root).get("maas-cli")
    alone = Installation(Release(version), "deb", frozenset(), root) if version else None
    return detect(root) or alone


def _read(*parts) -> str:
    path = os.path.join(*parts)
    try:
        with paths.opened(path) as handle:
            return paths.content(handle, path).decode(errors="replace")
    except OSError:
        return ""


def packages(root: str = "/", names: str = "maas[a-z0-9.+-]*") -> dict[str, str]:
    """Return the Debian packages that are installed: ``{name: version}``.

    Args:
        root: Folder that stands for ``/``.
        names: Regular expression of their names; MAAS's by default.
    """
    stanzas = re.compile(rf"^Package: ({names})\n(.*?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
    installed = {}
    for name, stanza in stanzas.findall(_read(root, "var/lib/dpkg/status")):
        fields = dict(re.findall(r"^(Status|Version): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" ok installed") and "Version" in fields:
            installed[name] = fields["Version"]
    return installed


def _deb(root):
    installed = packages(root)
    for part in ("region", "cluster"):
        for _, names in LAYOUTS["deb"][f"{part}_packages"]:
            for name in names:
                if name in installed:
                    release = _release(installed[name])
                    roles = [
                        role
                        for role in ("region", "cluster")
                        if any(one in installed for one in fact("deb", f"{role}_packages", release))
                    ]
                    return _installation(release, "deb", roles, root)
    return None


def _release(version):
    try:
        return supported(Release(version))
    except ValueError as error:
        raise HostError(f"The MAAS on this host: {error}") from None


def _installation(release, kind, roles, root):
    roles = {*roles, *(["rack"] if "cluster" in roles and release >= "2.0" else [])}
    systemd = fact(kind, "init", release) != "upstart"
    if "1.8" <= release < "2.0":  # 1.8 to 1.10 came with jobs for both
        systemd = os.path.isdir(os.path.join(root, "run/systemd/system"))
    return Installation(release, kind, frozenset(roles), root, systemd)


def _snap(root):
    meta = _read(root, "snap/maas/current/meta/snap.yaml")
    version = re.search(r"^version:\s*['\"]?([^'\"\s]+)", meta, re.MULTILINE)
    if not version:
        return None
    release = _release(version.group(1))
    mode = _read(root, fact("snap", "snap_mode", release) or "").strip()
    mode = _MODES.get(mode, mode)
    roles = ["cluster" if role == "rack" else role for role in mode.split("+") if role]
    return _installation(release, "snap", roles, root)

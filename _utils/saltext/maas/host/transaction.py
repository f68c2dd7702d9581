"""Change files, debconf and services of a host as one, also when the power fails meanwhile.

Before the first change a journal is written: copies of the files, debconf's
answers, and which services have to be restarted.  It goes away when all is
done, or put back.  A run that was killed leaves it behind; the next one takes
it over, so that no restart is lost, and what was there before can still be
put back.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import filelock
from saltext.maas import parsing
from saltext.maas.host import debconf, files, paths, services
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

#: Folder of the journals; only root may look into it, since files with passwords are copied there.
FOLDER = "var/lib/saltext-maas"
#: The change that a state reports for what another run left unfinished.
UNFINISHED = "unfinished run"
#: What a journal looks like.
_JOURNAL = {
    "files": {str: ({"copy": str, "mode": int, "uid": int, "gid": int}, None)},
    "answers": {str: [(str, None)]},
    "services": [str],
}


def unfinished(installation: Installation, part: str) -> dict | None:
    """Return what a run that was killed left behind.

    Args:
        part: ``region`` or ``cluster``.

    Returns:
        The journal: ``{"files", "answers", "services"}``, or None when there is none.

    Raises:
        HostError: It cannot be read.
    """
    text = files.read(os.path.join(installation.root, FOLDER, part, "journal.json"))
    try:
        return None if text is None else parsing.of_json(text, _JOURNAL)
    except ValueError:
        raise HostError(f"/{FOLDER}/{part}/journal.json is broken; remove that folder.") from None


def plan(installation: Installation, part: str) -> dict:
    """Return the change that finishing another run's work would be.

    Returns:
        ``{"unfinished run": {"old", "new"}}``, or ``{}`` when nothing is unfinished.
    """
    left = unfinished(installation, part)
    if left is None:
        if not _copies(installation, part):
            return {}
        return {UNFINISHED: {"old": "copies of files are left", "new": "finished"}}
    names = ", ".join(left["services"])
    return {
        UNFINISHED: {
            "old": f"stopped before {names} restarted" if names else "stopped in its middle",
            "new": "finished",
        }
    }


def _copies(installation, part):
    """Copies of files that a run left behind, with the passwords that are in them."""
    with contextlib.suppress(OSError):
        return os.listdir(os.path.join(installation.root, FOLDER, part))
    return []


def forget(installation: Installation, part: str) -> bool:
    """Remove all that a run that was killed left behind, its copies too; return whether there was.

    Args:
        part: ``region`` or ``cluster``.

    Raises:
        HostError: Another run is at work.
    """
    with locked(installation, part):
        found = bool(_copies(installation, part))
        shutil.rmtree(os.path.join(installation.root, FOLDER, part), ignore_errors=True)
    return found


@contextlib.contextmanager
def locked(installation: Installation, part: str) -> Iterator[None]:
    """Let no other run change a part of the host within this block.

    Raises:
        HostError: One does so now, or the lock's file cannot be made.
    """
    folder = os.path.join(installation.root, FOLDER)
    lock = filelock.FileLock(os.path.join(folder, f"{part}.lock"), timeout=0, mode=0o600)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise HostError(f"Another run changes the {part} of this host now.") from None
    except OSError as error:
        raise HostError(
            f"Nothing was changed: {installation.inside(folder)} cannot be written: "
            f"{files.reason(error)}."
        ) from None
    try:
        yield
    finally:
        lock.release()


class Transaction:
    """Everything within the ``with`` is done as a whole, then services restart once.

    Args:
        part: ``region`` or ``cluster``: one transaction of each at a time.
        paths: Files that are about to change; one that is absent is removed again.
        answers: Debconf questions that are about to change: ``(package, question, kind)``.
        services: What to restart when all is written, in this order; without any
            nothing restarts, unless a killed run left something to restart.
        verify: Called after the restart; what it raises undoes everything.
        mend: Called after the files are put back, to bring what lies outside of
            files in line with them; returns whether there was something to do.
        outside: What that is, for messages.

    Attributes:
        restarted: Services that were restarted.

    Raises:
        HostError: At the start, when nothing can be written or another run is at
            work: nothing is changed.  At the end with what went wrong and what
            was put back.

    Example:
        ``with Transaction(installation, "region", [path], services=["maas-regiond"]): ...``
    """

    def __init__(
        self,
        installation: Installation,
        part: str,
        paths: Iterable[str] = (),
        answers: Iterable[tuple[str, str, str]] = (),
        services: Iterable[str] = (),
        verify: Callable[[], object] | None = None,
        mend: Callable[[], object] | None = None,
        outside: str = "the broker",
    ):
        self._installation = installation
        self._part = part
        self._paths = list(paths)
        self._answers = list(answers)
        self._services = list(services)
        self._verify = verify
        self._mend = mend
        self._outside = outside
        self._folder = os.path.join(installation.root, FOLDER, part)
        self._journal: dict[str, Any] = {}
        self._lock = contextlib.ExitStack()
        self.restarted: list[str] = []

    # begin

    def __enter__(self) -> Transaction:
        self._need_commands()
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(self._installation, self._part))
            try:
                self._begin()
            except OSError as error:
                raise HostError(
                    f"Nothing was changed: {self._installation.inside(self._folder)} "
                    f"cannot be written: {files.reason(error)}."
                ) from None
            self._lock = stack.pop_all()
        return self

    def _need_commands(self):
        """A command that is missing is better found out now than half way through."""
        names = services.commands(self._installation) if self._services else []
        if self._answers:
            names += ["debconf-communicate", "debconf-set-selections"]
        for name in names:
            self._installation.command([name])

    def _begin(self):
        found = unfinished(self._installation, self._part)
        if found is None:
            shutil.rmtree(self._folder, ignore_errors=True)  # copies without a journal
        try:
            self._take_over(found or {"files": {}, "answers": {}, "services": []})
        except BaseException:
            if found is None:
                shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _take_over(self, journal):
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        for path in {*self._paths, *(self._real(name) for name in journal["files"])}:
            files.sweep(path)
        for path in self._paths:
            name = self._installation.inside(os.path.realpath(path))
            if name not in journal["files"]:
                journal["files"][name] = self._copy(path, len(journal["files"]))
        for package, question, kind in self._answers:
            if question not in journal["answers"]:
                value = debconf.get_answer(self._installation, package, question)
                journal["answers"][question] = [package, kind, value]
        journal["services"] = [*dict.fromkeys([*journal["services"], *self._services])]
        self._journal = journal
        self._save()

    def _real(self, name):
        return os.path.join(self._installation.root, name.lstrip("/"))

    def _copy(self, path, number):
        content, before = files.read_bytes(path), paths.status(path)
        if content is None or before is None:
            return None
        copy = f"{number}.copy"
        files.put(os.path.join(self._folder, copy), content, 0o600)
        return {
            "copy": copy,
            "mode": stat.S_IMODE(before.st_mode),
            "uid": before.st_uid,
            "gid": before.st_gid,
        }

    def _save(self):
        text = json.dumps(self._journal, indent=1)
        files.put(os.path.join(self._folder, "journal.json"), text.encode(), 0o600)

    # end

    def __exit__(self, kind, error, trace) -> None:
        with self._lock:
            if error is None:
                self._finish()
            elif isinstance(error, Exception):
                self._fail(error)
            # Anything else ends this process: the next run takes over.

    def _finish(self):
        try:
            if self._journal["services"]:
                self.restarted = self._restart()
                if self._verify:
                    self._verify()
        except Exception as error:
            self._fail(error)
            raise
        self._forget()

    def _restart(self):
        if not self._journal.get("restarting"):
            self._journal["restarting"] = True
            self._save()
        return services.restart(self._installation, self._journal["services"])

    def _fail(self, error):
        outcome = self._roll_back()
        if isinstance(error, HostError):
            raise HostError(f"{error} {outcome}") from None

    def _roll_back(self):
        left, touched = [], bool(self._journal.get("restarting"))
        copies = self._installation.inside(self._folder)
        for step, what in (
            (self._restore_files, f"the files (copies are in {copies})"),
            (self._restore_answers, "debconf"),
            (self._mend or (lambda: False), self._outside),
        ):
            try:
                touched = bool(step()) or touched
            except (HostError, OSError):
                left.append(what)
                touched = True
        if touched and self._journal["services"]:
            try:
                self._restart()
            except (HostError, OSError):
                left.append("the services")
        if left:
            return f"Not everything could be restored: check {' and '.join(left)}."
        self._forget()
        return "Files, debconf and services were restored."

    def _restore_files(self):
        restored = False
        for name, before in self._journal["files"].items():
            path = self._real(name)
            now = files.read_bytes(path)
            if before is None:
                restored = paths.remove(path) or restored
                continue
            content = files.read_bytes(os.path.join(self._folder, before["copy"]))
            if now != content:
                self._put_back(path, content, before)
                restored = True
        return restored

    def _put_back(self, path, content, before):
        def own(handle):
            files.chown(self._installation, handle, path, before["uid"], before["gid"])

        files.put(path, content, before["mode"], own)

    def _restore_answers(self):  # no service reads debconf, so none has to restart
        for question, (package, kind, value) in self._journal["answers"].items():
            if debconf.get_answer(self._installation, package, question) != value:
                debconf.set_answer(self._installation, package, question, kind, value or "")

    def _forget(self):
        # The journal first: copies alone mean nothing.
        os.unlink(os.path.join(self._folder, "journal.json"))
        shutil.rmtree(self._folder, ignore_errors=True)

"""What can go wrong, as types: nothing has to look into their texts.

Where Salt is installed all are its ``CommandExecutionError``, whose text it shows without a
traceback.  The library works where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from saltext.maas.redact import one_line, visible

try:
    from salt.exceptions import CommandExecutionError as _Base
except ImportError:
    _Base = Exception  # type: ignore[misc,assignment]


#: Mistakes that a message shows.
_MOST = 200


class MaasError(_Base):
    """Anything that this extension reports as its own failure.

    Attributes:
        lasting: Whether it would be the same in a minute, so that waiting does not help.
        carried_out: Of an error that a request met: False where the region has certainly not
            carried it out, None where nobody knows.
        left: How many requests of a sequence are left, with the one that failed; None if it is
            none of a sequence.
        reread: Whether the object was read again after the error.
    """

    lasting = False
    carried_out: bool | None = False
    left: int | None = None
    reread = False

    def __init__(self, message: object = "", *args: Any, **kwargs: Any):
        super().__init__(visible(message), *args, **kwargs)


class BadInput(MaasError):
    """The caller's data is wrong; nothing was sent.

    Attributes:
        problems: One line each: where, which value, what is allowed.
    """

    lasting = True

    def __init__(self, problems: str | Iterable[str]):
        given = problems.split("\n") if isinstance(problems, str) else problems
        self.problems = [one_line(one) for one in given]
        left = len(self.problems) - _MOST
        more = [f"and {left} more mistakes"] if left > 0 else []
        super().__init__("\n".join([*self.problems[:_MOST], *more]))


def few(names: Sequence[str], most: int) -> str:
    """Return names for a message, of many only the first ones and how many there are besides."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


class LibraryMissing(MaasError):
    """A Python library without which no region can be asked is not installed."""

    lasting = True


class NotInstalledYet(MaasError):
    """An earlier state of this test run would install MAAS here; what follows needs it."""


class Unreachable(MaasError):
    """No connection could be made, or none before the deadline; nothing was carried out."""


class Untrusted(MaasError):
    """No TLS with this peer: its certificate, our CA file, or one side does not speak TLS."""

    lasting = True


class NoRegion(MaasError):
    """Something answers at the profile's URL, but no MAAS region that is known."""

    lasting = True


class LostAnswer(MaasError):
    """The request was sent and its answer never came: it may have been carried out."""

    carried_out = None


class WrongAnswer(LostAnswer):
    """A write was answered with success, but not by MAAS or not about what was written.

    It may have been carried out, as with any answer that was lost.
    """


class StrangeAnswer(MaasError):
    """What was read has another form than MAAS's answers have."""


class NotDone(MaasError):
    """A write was answered with success, yet what was asked for is not there."""


class TooLarge(StrangeAnswer):
    """What was read has more bytes than the profile's ``max_body``."""

    lasting = True


class HttpError(MaasError):
    """The region answered with an error.

    Args:
        message: What is shown.
        status: HTTP status code.
        text: The answer's text, with secrets taken out.
        retry_after: Seconds the region asks to wait, or None.
        facts: What a kind of error knows besides; see its attributes.
    """

    def __init__(
        self,
        message: str,
        status: int = 0,
        text: str = "",
        retry_after: float | None = None,
        **facts: Any,
    ):
        super().__init__(message)
        self.status = status
        self.text = visible(text)
        self.retry_after = retry_after
        for name, value in facts.items():
            setattr(self, name, value)
        self.carried_out = self._carried_out()

    def _carried_out(self) -> bool | None:
        return False


class NotAuthenticated(HttpError):
    """401: the API key is wrong, or the clocks differ by more than 300 s."""

    lasting = True


class Forbidden(HttpError):
    """403: the key's user may not do this, or a name fits several objects."""

    lasting = True


class NotFound(HttpError):
    """404: no such object, or no such endpoint in this release."""


class Gone(NotFound):
    """410: this release has removed the endpoint."""

    lasting = True


class Conflict(HttpError):
    """409: the object's state forbids it, or concurrent writers collided."""

    @property
    def transient(self) -> bool:
        """Whether the region says that trying again may help."""
        return self.retry_after is not None


class TooMany(HttpError):
    """429: something before the region wants fewer requests."""


#: What MAAS says where something of this identity, or in this place, is there already.
_DUPLICATE = (
    "already", "overlap", "conflicts with", "must be unique", "only one cname", "duplicate key",
    "duplicate name",
)  # fmt: skip
#: What it says where a boot source's catalogue does not hold something.
_LACKS = "vailable images"


class Invalid(HttpError):
    """400: MAAS refused the data.

    Attributes:
        fields: ``{field name: [message]}``; ``__all__`` for the whole object.
    """

    fields: dict[str, list[str]] = {}

    @property
    def duplicate(self) -> bool:
        """Whether something with this identity, or in this place, exists already."""
        texts = [str(text) for texts in self.fields.values() for text in texts]
        said = " ".join([*texts, self.text]).lower()
        return any(words in said for words in _DUPLICATE)

    @property
    def not_in_catalogue(self) -> bool:
        """Whether the boot source's catalogue lacks this release of a system, or still does."""
        return "os" in self._lacking()

    @property
    def lacking(self) -> list[str]:
        """Fields, such as ``arches``, of which the catalogue lacks some for a release it has."""
        return [name for name in self._lacking() if name != "os"]

    def _lacking(self):
        return [name for name, texts in self.fields.items() if _LACKS in " ".join(map(str, texts))]


class Unavailable(HttpError):
    """502, 503 or 504: the region, or a cluster behind it, cannot serve this now.

    Attributes:
        machine: The path was one of a machine's, whose 503 comes after MAAS has stored it.
        brief: A gateway said so, or MAAS with a time to wait, so that it will pass; what MAAS
            says without one, such as that a subnet has no address left, stays.
    """

    machine = False
    brief = True

    @property
    def for_long(self) -> bool:
        """It is a cluster that is not connected, which no retry within seconds changes."""
        return "no connections available" in self.text

    def _carried_out(self):
        # A gateway may have given up on what the region goes on to do.
        return False if self.status == 503 and not self.machine else None


class PermissionCheckFailed(HttpError):
    """500 of 3.8 and later while MAAS cannot check permissions; nothing was carried out."""


class Unexpected(HttpError):
    """Any other answer; a 500 of MAAS is often plain bad input.

    In 1.8 a 500 also comes where MAAS has stored a change and then could not reach a cluster.
    """

    def _carried_out(self):
        return None if self.status >= 500 else False


class Redirected(Unexpected):
    """3xx: the region, or what stands before it, wants to be asked elsewhere.

    Attributes:
        login: It is MAAS's own login page: the path is not one of its API.
    """

    lasting = True
    login = False

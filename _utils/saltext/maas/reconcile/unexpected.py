"""Unexpected exceptions: one line for the reader, the traceback for the log."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Iterable, Iterator

from saltext.maas.errors import MaasError, StrangeAnswer
from saltext.maas.redact import redact

log = logging.getLogger(__name__)


def log_unexpected(what: str, error: Exception, secrets: Iterable = ()) -> str:
    """Write an exception's traceback to the log, and return in a line what it was.

    Args:
        what: What was being done, for the log.
        error: The exception.
        secrets: Values that no text may show.

    Returns:
        ``KeyError: 'cidr'``, for example, with secrets taken out.
    """
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    log.error("%s: unexpected exception\n%s", what, redact(trace, secrets))
    return redact(f"{type(error).__name__}: {error}", secrets)[:300]


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Have a :class:`StrangeAnswer` that is raised within this block say what was read.

    Args:
        what: What was read, such as ``subnets/``.
    """
    try:
        yield
    except StrangeAnswer as error:
        message = str(error)
        raise error if what in message else StrangeAnswer(f"{what}: {message}") from None


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn all that goes wrong with the form of an answer within this block into one error.

    Use it around reads alone: a defect of this extension would look like the region's answer.

    Args:
        what: What is read, such as ``subnets/``.

    Raises:
        StrangeAnswer: Anything but a :class:`MaasError` was raised.
    """
    with naming(what):
        try:
            yield
        except MaasError:
            raise
        except Exception as error:
            message = log_unexpected(what, error)
            raise StrangeAnswer(
                f"{what}: the region's answer cannot be understood ({message}); is {what!r} "
                "answered by MAAS itself? The log has the details"
            ) from None

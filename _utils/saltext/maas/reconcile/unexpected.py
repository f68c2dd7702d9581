"""Exceptions that nobody expected: told in a line, with their traceback in the log."""

from __future__ import annotations

import contextlib
import logging
import traceback

from saltext.maas.errors import MaasError, StrangeAnswer
from saltext.maas.redact import redact

log = logging.getLogger(__name__)


def log_unexpected(what: str, error: Exception, secrets=()) -> str:
    """Write an exception's traceback to the log, and say in a line what it was.

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
def reading(what: str):
    """Turn what goes wrong with an answer's form within this block into an error of ours.

    Args:
        what: What is being read, such as ``subnets/``, for the message.

    Raises:
        StrangeAnswer: Anything but a :class:`MaasError` was raised.
    """
    try:
        yield
    except StrangeAnswer as error:
        told = str(error)
        raise error if told.startswith(what) else StrangeAnswer(f"{what}: {told}") from None
    except MaasError:
        raise
    except Exception as error:
        told = log_unexpected(what, error)
        raise StrangeAnswer(
            f"{what}: the region's answer cannot be understood ({told}); is {what!r} answered by "
            "MAAS itself? The log has the details"
        ) from None

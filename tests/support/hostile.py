"""Broken and hostile input, and what holds of whoever gets it.

A test hands an input to :func:`tried`, which watches the work on it: processor time and memory are
bounded, every error is one of ours, and nothing is run, unpickled, rendered or written elsewhere.
"""

# ruff: noqa: E501 -- hostile values read best with many on a line

from __future__ import annotations

import contextlib
import copy
import datetime
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import unicodedata
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from saltext.maas.errors import MaasError

#: In each input that has a secret, and never in a message.
SECRET = "Zx9-hush-Qw7"
#: Bounds of the work on one input: seconds of processor time, and MiB that the process grows by.
SECONDS, MIB = 2.0, 64
#: Characters of one message.
MOST_TEXT = 500_000

_BOMB = "touch /tmp/saltext-maas-was-here"
#: Texts that some reader could take for more than a text.
TEXTS = (
    "", " ", "\0", "a\0b", "..", ".", "/", "../../../../../../etc/passwd", "/etc/passwd",
    "a/../../b", "~root/x", "%2e%2e%2f%2e%2e%2fetc", "..\\..\\x", "\ud800", "a\udfffb", "\u202eabc",
    "\x1b[2J\x1b]0;x\x07", "a\r\nX-Header: 1\r\n\r\n", "\u2028", "\ufeff",
    "{{ 7 * 191 }}", "{% for x in range(10 ** 9) %}x{% endfor %}",
    f"{{{{ salt['cmd.run']('{_BOMB}') }}}}", f"{{{{ cycler.__init__.__globals__.os.system('{_BOMB}') }}}}",
    f"#!py\nimport os\nos.system('{_BOMB}')\n", f"!!python/object/apply:os.system ['{_BOMB}']",
    f"cos\nsystem\n(S'{_BOMB}'\ntR.", "&a [*a, *a]", "*a", "<<: *a", "!!binary x", "? a\n: b", "- a",
    "a: {b: [c", "{0.__class__.__mro__}", "{x.__init__.__globals__}", "%(x)s", "%s%n%d", "{hostname}",
    "{number:99}", f"$({_BOMB})", f"`{_BOMB}`", f"; {_BOMB} #", "'", '"', "\\", "\\n", "'\"", "${x}",
    "null", "~", "yes", "NaN", "1e999", "-0", "0x10", "1_000", "\u0661\u0662", "\u00b2", "9" * 5000,
    "1.10", "10.0.0.0/33", "10.0.0.0/8", "0.0.0.0/0", "::/0", "fe80::1%eth0", "fe80::1%/../x",
    "1.2.3.4/-1", "sdb://", "sdb://x/y", "sdb:x", "\\sdb://x/y", "http://[", "http://[::1", "http://u:p@h/",
    "http://h:99999/MAAS", "http://h/MAAS?x#y", "file:///etc/passwd", "//h/x", "http://\ud800/MAAS",
    "-x", "--help", "@", "*", "[a", "(a+)+$", "T@maas_machine:*", "2020-01-01", "1:2:3", "0",
    "a" * 70_000, "(" * 3000, "a:" * 5000, "\n" * 5000, "[" * 5000, "{" * 5000, "a " * 20_000, "0." * 9000,
    "-" * 30_000, "a." * 20_000, "=" * 20_000,
)  # fmt: skip
_NUMBERS = (
    0, -1, 1, 2, 7, 255, 4095, 65536, 2**31, -(2**31) - 1, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), float("-inf"), True, False,
)  # fmt: skip


def nested(depth, kind=list):
    """A list in a list in a list, or the same of mappings."""
    value: object = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


#: What YAML, JSON and msgpack can hold beside text and numbers, made when it is used.
_PARTS = (
    lambda: None, list, dict, lambda: [None], lambda: [[]], lambda: {"": None},
    lambda: {"a": {"b": "c"}}, lambda: [{}], lambda: nested(60), lambda: nested(60, dict),
    lambda: nested(450), lambda: nested(450, dict),
    lambda: [None] * 5000, lambda: ["x"] * 5000, lambda: dict.fromkeys(map(str, range(3000))),
    lambda: [{"name": str(one)} for one in range(1000)],
)  # fmt: skip
_OF_YAML = (
    lambda: b"\xff\0\x80", lambda: b"x", lambda: datetime.date(2020, 1, 1),
    lambda: datetime.datetime(2020, 1, 1, 12), lambda: {None: 1}, lambda: {1.5: 1, True: 2},
    lambda: {("a", "b"): 1}, lambda: {"a", "b"}, lambda: (1, 2), lambda: {4: {5: 6}},
)  # fmt: skip

texts = st.one_of(
    st.sampled_from(TEXTS),
    st.text(max_size=12),
    st.text(st.characters(codec=None, categories=None), max_size=6),
)
_json = st.one_of(
    st.sampled_from(_NUMBERS), texts, st.sampled_from(_PARTS).map(lambda make: make())
)  # fmt: skip
_yaml = st.one_of(_json, _json, st.sampled_from(_OF_YAML).map(lambda make: make()))


@st.composite
def mutated(draw, good, of_yaml=False, most=3):
    """A value of which one to three places are broken; keys too.

    Args:
        good: A right value: mappings, lists, texts and numbers.
        of_yaml: Whether a YAML file holds it, and not JSON.
        most: How many places at the most.
    """
    values = _yaml if of_yaml else _json
    whole = [copy.deepcopy(good)]
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(whole))
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        what = draw(st.sampled_from(("replace", "replace", "drop", "key", "copy", "wrap", "twice")))
        if what == "drop" and holder is not whole:
            del holder[key]
        elif what == "key" and isinstance(holder[key], dict):
            name = draw(texts if not of_yaml else st.one_of(texts, st.sampled_from(
                (None, True, 1.5, 7, ("a", "b"), float("nan"), datetime.date(2020, 1, 1)))))  # fmt: skip
            inside = holder[key]
            inside[name] = inside.pop(next(iter(inside))) if inside else draw(values)
        elif what == "copy":
            other, at = places[draw(st.integers(0, len(places) - 1))]
            if SECRET not in repr(other[at]):  # which is none in another place
                holder[key] = copy.deepcopy(other[at])
        elif what == "wrap":
            holder[key] = draw(st.sampled_from(([holder[key]], {"a": holder[key]})))
        elif what == "twice" and isinstance(holder, list) and holder is not whole:
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = draw(values)
    return whole[0]


def _places(holder, most=3000):
    """``(mapping or list, key)`` of each value in a value, the nearest first."""
    left = [holder]
    while left and most > 0:
        one = left.pop(0)
        for key in range(len(one)) if isinstance(one, list) else list(one):
            most -= 1
            yield one, key
            if isinstance(one[key], (dict, list)):
                left.append(one[key])


@st.composite
def bytes_of(draw, good):
    """A file's content of which some bytes are changed, cut out, repeated or put in."""
    data = bytearray(good.encode() if isinstance(good, str) else good)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.sampled_from((0, 0, 1, 2, 8, 40, 400))))
        put = draw(st.one_of(
            st.binary(max_size=4), st.sampled_from(_BYTES), st.just(bytes(data[at:end]) * 2),
            texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
        ))  # fmt: skip
        data[at:end] = put
    return bytes(data)


_BYTES = (
    b"", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\x80", b"\xed\xa0\x80",
    b"{", b"}", b"[", b"]", b":", b": ", b"#", b"'", b'"', b"\\", b"\t", b"=", b"- ", b"---\n", b"%",
    b"&a ", b"*a", b"!!python/name:os.system ", b"|", b">", b"\x1f\x8b", b"PK\x03\x04", b"\x80\x04.",
)  # fmt: skip


def examples(few, part=1.0):
    """How many inputs a test takes.

    Args:
        few: In the test command.
        part: In ``make fuzz``, as a part of ``EXAMPLES``; less than 1 for slow work.
    """
    now = settings.default
    return settings(max_examples=few if now.derandomize else max(1, int(now.max_examples * part)))


# The watch

#: What ran: ``{kind: Counter of "inputs", "refused"}``, and the slowest of each kind.
COUNTED: dict[str, Counter] = {}
SLOWEST: dict[str, float] = {}
GREW: dict[str, float] = {}

_watch = threading.local()
_RUNS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
         "subprocess.Popen", "pickle.find_class", "pty.spawn", "code.__new__")  # fmt: skip
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod",
            "os.chown", "os.truncate", "shutil.rmtree")  # fmt: skip
_watching: list = []


def _hook(event, args):
    if not _watching or event == "object.__getattr__":
        return
    rendered = event == "exec" and getattr(args[0], "co_filename", "").startswith("<template")
    if rendered or event in _RUNS:
        _watching[-1].seen.append(f"{event} {args!r:.200}")
    elif event == "open" and isinstance(args[0], (str, bytes)):
        _watching[-1].opens(os.fsdecode(args[0]), args[2] or 0)
    elif event in _CHANGES and isinstance(args[0], (str, bytes)):
        _watching[-1].opens(os.fsdecode(args[0]), os.O_WRONLY)


sys.addaudithook(_hook)
_PYTHON = tuple({os.path.realpath(one) + os.sep for one in (
    sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), Path(__file__).resolve().parents[2],
    "/proc", "/usr/share/zoneinfo", "/usr/lib", "/dev/null", "/etc/localtime", *filter(os.path.isdir, sys.path),
)})  # fmt: skip


class _Watched:
    def __init__(self, root):
        self.root = root and os.path.realpath(root)
        self.seen: list[str] = []

    def opens(self, path, flags):
        if self.root is None or not os.path.isabs(path) or flags & os.O_DIRECTORY:
            return  # a name within a folder that is open, or such a folder
        real = os.path.realpath(path)
        if (real + os.sep).startswith(self.root + os.sep):
            return
        reads = not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not (reads and (real + os.sep).startswith(_PYTHON)):
            self.seen.append(f"open {path!r:.200} {flags}")


class TooSlow(AssertionError):
    """The work on an input does not end."""


def _ring(*_):
    raise TooSlow("no end within 60 seconds")


def tried(kind, work, *args, secrets=(SECRET,), root=None, seconds=SECONDS, errors=(), **kwargs):
    """Do some work on a hostile input, and see that it is harmless.

    Args:
        kind: Kind of input, for the count.
        work: The function.
        secrets: What no message shows.
        root: Folder outside of which nothing is opened.
        seconds: Processor time that it may take.
        errors: More exceptions that stand for one clear message, such as Salt's.

    Returns:
        ``(value, None)``, or ``(None, error)``.
    """
    watched = _Watched(root)
    count = COUNTED.setdefault(kind, Counter())
    count["inputs"] += 1
    before, began = _peak(), time.process_time()
    value = fault = None
    main = threading.current_thread() is threading.main_thread()
    if main:
        old = signal.signal(signal.SIGALRM, _ring)
        signal.setitimer(signal.ITIMER_REAL, 60)
    _watching.append(watched)
    try:
        value = work(*args, **kwargs)
    except (MaasError, *errors) as error:
        fault = error
        count["refused"] += 1
    finally:
        _watching.pop()
        if main:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
    took, grew = time.process_time() - began, _peak() - before
    SLOWEST[kind] = max(took, SLOWEST.get(kind, 0.0))
    GREW[kind] = max(grew, GREW.get(kind, 0.0))
    assert took < seconds, f"{took:.1f} s"
    assert grew < MIB, f"{grew:.0f} MiB"
    assert not watched.seen, watched.seen
    if fault is not None:
        harmless(str(fault), secrets)
    return value, fault


#: Kinds of characters that act on a terminal, or break lines: see Unicode's categories.
_ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")


def harmless(message, secrets=(SECRET,)):
    """A message is one that a terminal and a log can show, without a secret or traceback."""
    assert message.strip()
    assert len(message) < MOST_TEXT, len(message)
    assert "Traceback" not in message
    assert not any(one in message for one in secrets), message
    odd = [one for one in message if one not in "\n\t" and unicodedata.category(one) in _ACTING]
    assert not odd, odd[:5]


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def folder():
    """A folder of one input's own; quickly made, and gone afterwards."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as path:
        yield Path(path)

"""Sends recorded calls to an emulated region and compares the answers.

What a recording does not tell (who signed, what a file held, what the laboratory did in between)
is in a class of its own for each, which derives from ``Lab``.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from comparison import NAMING, compare, distil, distil_whole, normal
from exchanges import Exchange
from maas_emulator.server import RegionServer

Answer = tuple[int, str, Any]

#: Form fields that hold an id, and the collection it is of.
ID_FIELDS = {
    "vlan": "vlans", "relay_vlan": "vlans", "subnet": "subnets", "source": "subnets",
    "destination": "subnets", "fabric": "fabrics", "domain": "domains", "space": "spaces",
    "iprange": "ipranges",
}  # fmt: skip
_NONCES = itertools.count(1)


@dataclass
class Key:
    """Credentials of a call; fields that differ from the ordinary are for testing those."""

    text: str
    nonce: str | None = None
    timestamp: int | None = None
    method: str = "PLAINTEXT"

    def header(self, verb: Any, url: str) -> str:
        """Return the ``Authorization`` header of a request."""
        consumer, token, secret = self.text.split(":")
        if self.method != "PLAINTEXT":
            from oauthlib.oauth1 import Client

            client = Client(
                consumer, resource_owner_key=token, resource_owner_secret=secret,
                signature_method=self.method,
            )  # fmt: skip
            return client.sign(url, verb)[1]["Authorization"]
        values = {
            "oauth_version": "1.0",
            "oauth_signature_method": "PLAINTEXT",
            "oauth_consumer_key": consumer,
            "oauth_token": token,
            "oauth_signature": f"&{secret}",
            "oauth_timestamp": self.timestamp or int(time.time()),
            "oauth_nonce": self.nonce or f"n{next(_NONCES)}",
        }
        pairs = (f'{key}="{quote(str(value), "")}"' for key, value in values.items())
        return "OAuth " + ", ".join(pairs)


class Lab:
    """A fresh region, its clock, and what stands for what was recorded.

    Attributes:
        NAME: Of the recording.
        RELEASE: Of the region.
        OPTIONS: Others of the region.
        KNOWN: Exchanges that are answered differently, by their short id, and why.
        UNRECORDED: Fields that a running MAAS has and the recording has not, by a fault of the
            laboratory.
        FILES: Contents of files, and of fields sent in multipart, by the short id.
        RAW_TYPES: Content types of bodies that were sent as they are, by the short id.
        BEFORE: What the laboratory did before an exchange, by the short id.
        keys: API keys by the name that a recording calls their user.
        names: Recorded names (system_ids, URIs, token keys) that differ here.
    """

    NAME: ClassVar[str]
    RELEASE: ClassVar[str]
    OPTIONS: ClassVar[dict[str, Any]] = {}
    KNOWN: ClassVar[dict[str, str]] = {}
    UNRECORDED: ClassVar[tuple[str, ...]] = ()
    FILES: ClassVar[dict[str, dict[str, Any]]] = {}
    RAW_TYPES: ClassVar[dict[str, str]] = {}
    BEFORE: ClassVar[dict[str, Callable[[Any], None]]] = {}

    def __init__(self, server: RegionServer, series: str, distilled: bool) -> None:
        self.server, self.region, self.series = server, server.region, series
        self.distilled = distilled
        self.keys: dict[str, str] = {"admin": server.api_key or ""}
        self.names: dict[str, str] = {}
        self.seconds = 0.0
        self.region.clock = lambda: self.seconds
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self.start()

    # -- what differs between the recordings ---------------------------------------------------

    def start(self) -> None:
        """Make what was there before the first exchange of a series."""

    def act(self, what: str, done: dict[str, Any]) -> None:
        """Do what the recording says that the laboratory did.

        Args:
            what: Id in the recording.
            done: What was done.
        """

    def signature(self, exchange: Exchange) -> Key | str | None:
        """Return the key that a call was signed with, or the header that it had."""
        return None if exchange.by == "none" else Key(self.keys[exchange.by])

    def drawing(self) -> AbstractContextManager[Any]:
        """Return what has the region draw names that cannot be taken for one another."""
        return nullcontext()

    def wait(self, seconds: float) -> None:
        """Let time pass for the region."""
        self.seconds += seconds

    # -- sending -------------------------------------------------------------------------------

    def send(self, exchange: Exchange) -> Answer:
        """Send a recorded call; return status, content type and body of the answer."""
        target = quote(self._translated(exchange.path), "/:%?&=")
        if exchange.params:
            target += "?" + urlencode(self.values(exchange.params), doseq=True)
        body, kind = self._body(exchange)
        headers = {"Content-Type": kind} if kind else {}
        signature = self.signature(exchange)
        if isinstance(signature, Key):
            url = f"http://127.0.0.1:{self.server.port}{target}"
            signature = signature.header(exchange.method, url)
        if signature:
            headers["Authorization"] = signature
        self._connection.request(exchange.method, target, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        kind = answer.headers.get("Content-Type", "")
        return answer.status, kind, json.loads(text) if "json" in kind and text else text

    def _body(self, exchange: Exchange) -> tuple[bytes | None, str | None]:
        if exchange.raw is not None:
            return exchange.raw.encode(), self.RAW_TYPES.get(exchange.short)
        if exchange.json is not None:
            return json.dumps(exchange.json).encode(), "application/json"
        form = self.values(exchange.form)
        if exchange.files or exchange.multipart:
            return multipart(form, self._files(exchange)), "multipart/form-data; boundary=xyz"
        if form:
            return urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        return None, None

    def _files(self, exchange: Exchange) -> dict[str, Any]:
        if exchange.content is not None:
            return dict.fromkeys(exchange.files, exchange.content.encode())
        return self.FILES.get(exchange.short, {"content": b"z" * 50} if exchange.files else {})

    def values(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return form fields with the names and ids that objects have here."""
        found = {}
        for name, value in fields.items():
            uri = f"/{ID_FIELDS.get(name)}/{value}/"
            for recorded, ours in self.names.items():
                if recorded.endswith(uri):
                    value = ours.rstrip("/").rpartition("/")[2]
            found[name] = self._here(value)
        return found

    def _here(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._here(item) for item in value]
        return self.names.get(value, value) if isinstance(value, str) else value

    def _translated(self, path: str) -> str:
        for recorded, ours in self.names.items():
            if recorded.startswith("/") and path.startswith(recorded):
                return ours + path[len(recorded) :]
        return "/".join(self.names.get(part, part) for part in path.split("/"))

    # -- what came back ------------------------------------------------------------------------

    def learn(self, exchange: Exchange, got: Any) -> None:
        """Remember what an object that was just made is called here.

        Args:
            exchange: What was recorded.
            got: Body of the emulator's answer.
        """
        self.learn_names(exchange.body, got)

    def learn_names(self, recorded: Any, got: Any) -> None:
        """Remember what an object is called here, from both bodies or a part of them."""
        if isinstance(recorded, dict) and isinstance(got, dict):
            for key in NAMING:
                one, other = recorded.get(key), got.get(key)
                if isinstance(one, str) and isinstance(other, str) and one != other:
                    self.names[one] = other

    def differences(self, exchange: Exchange, answer: Answer) -> list[str]:
        """Return what differs between a recorded answer and one of the emulator, as texts.

        Args:
            exchange: What was recorded, or distilled from that.
            answer: Status, content type and body of the emulator's.
        """
        status, content_type, body = answer
        found = []
        if status != exchange.status:
            found.append(f"status {status}, recorded {exchange.status}: {str(body)[:200]}")
        if content_type != exchange.type:
            found.append(f"content type {content_type}, recorded {exchange.type}")
        if found:
            return found
        body = self._as_recorded(body)
        if self.distilled:
            whole = isinstance(exchange.body, str) and not isinstance(body, str)
            body = distil_whole(body) if whole else distil(body)
        endings = tuple(f": {name} not recorded" for name in self.UNRECORDED)
        found = compare(normal(exchange.body), normal(body))
        return [text for text in found if not (endings and text.endswith(endings))]

    def _as_recorded(self, body: Any) -> Any:
        """Return a body with the names (not the paths) that objects have in the recording."""
        recorded = {ours: name for name, ours in self.names.items() if "/" not in name}
        if not recorded:
            return body
        words = re.compile(rf"\b({'|'.join(map(re.escape, recorded))})\b")
        return json.loads(words.sub(lambda match: recorded[match[0]], json.dumps(body)))


def multipart(form: dict[str, Any], files: dict[str, Any]) -> bytes:
    """Return a multipart body with the boundary ``xyz``; texts in ``files`` are plain fields."""
    parts = [(name, v, False) for name, value in form.items() for v in _many(value)]
    parts += [(name, value, isinstance(value, bytes)) for name, value in files.items()]
    lines = []
    for name, value, is_file in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        head += f'; filename="{name}"' if is_file else ""
        content = value if is_file else str(value).encode()
        lines.append(b"--xyz\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n")
    return b"".join(lines) + b"--xyz--\r\n"


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def replay(
    lab: type[Lab], exchanges: list[Exchange], distilled: bool
) -> Iterator[tuple[Exchange, list[str]]]:
    """Send the calls of a recording, each series to a fresh region.

    Args:
        lab: Class of the recording's laboratory.
        exchanges: Of the recording, in order.
        distilled: Whether their answers are distilled.

    Yields:
        Each exchange, and what the emulator answered differently.
    """
    for series, rows in itertools.groupby(exchanges, key=lambda exchange: exchange.series):
        with ExitStack() as stack:
            options = {"release": lab.RELEASE, "hostname": "vm", **lab.OPTIONS}
            server = stack.enter_context(RegionServer(**options))
            here = lab(server, series, distilled)
            stack.enter_context(here.drawing())
            for exchange in rows:
                here.BEFORE.get(exchange.short, lambda _: None)(here)
                if exchange.laboratory is not None:
                    here.act(exchange.id, exchange.laboratory)
                    continue
                answer = here.send(exchange)
                if answer[0] == exchange.status:
                    here.learn(exchange, answer[2])
                yield exchange, here.differences(exchange, answer)

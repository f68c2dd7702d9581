"""Replays recorded exchanges against an emulated region and compares the answers.

Recordings are read from where they lie, beside the repository or where ``MAAS_RECORDINGS``
points; nothing of them is kept here. What a recording does not tell (who signed, what a file
held, what the laboratory did in between) comes from the test that replays it.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from maas_emulator.server import RegionServer

#: Keys whose values are ids, times or digests: only their type is compared.
VOLATILE = re.compile(
    r"id|.*_id|uuid|.*_uri|uri|url_base|created|updated|hash|sha256|filename_on_disk|token_key"
    r"|token_secret|consumer_key|token|last_deployed|started|ended|starttime|endtime"
)
#: Keys that name an object in the paths and forms of later exchanges.
NAMING = ("token_key", "system_id", "resource_uri")
#: Form fields that hold an id, and the collection it is of.
ID_FIELDS = {
    "vlan": "vlans", "relay_vlan": "vlans", "subnet": "subnets", "source": "subnets",
    "destination": "subnets", "fabric": "fabrics", "domain": "domains", "space": "spaces",
    "iprange": "ipranges",
}  # fmt: skip


def recordings():
    """The folder of the recordings; skips the test when there is none."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "recordings"
    folder = Path(os.environ.get("MAAS_RECORDINGS", beside))
    if not folder.is_dir():
        pytest.skip(f"no recordings: {folder} is not there, MAAS_RECORDINGS may point to them")
    return folder


@dataclass
class Exchange:
    """A recorded call and its answer, whichever of the two formats it was written in."""

    id: str
    series: str
    auth: str
    method: str
    path: str
    params: dict
    form: dict | None
    json_body: object
    raw: str | None
    files: list
    status: int
    content_type: str
    body: object
    note: str = ""
    multipart: bool = False

    @classmethod
    def of(cls, row):
        """Read one line of a recording."""
        newer = "response" not in row
        given = row["data"] if newer else row["body"]
        form = json_body = raw = None
        asked = str(row.get("request_content_type") or "")
        if isinstance(given, dict) and "__json__" in given:
            json_body = given["__json__"]
        elif isinstance(given, dict) and "application/json" in asked:
            json_body = given
        elif isinstance(given, dict):
            form = given
        elif given is not None:
            raw = given
        return cls(
            id=row["id"],
            series=row.get("series", "main"),
            auth=row.get("auth", "admin"),
            method=row["method"],
            path=row["path"],
            params=row["params"] or {},
            form=form,
            json_body=json_body,
            raw=raw,
            files=row["files"] or [],
            status=row["status"],
            content_type=row["headers"].get("Content-Type", ""),
            body=row["body"] if newer else row["response"],
            note=row.get("note") or "",
            multipart="multipart/" in asked,
        )

    @property
    def endpoint(self):
        """First segment of the path below the API's prefix."""
        return self.path.split("/")[4] if self.path.count("/") > 3 else self.path


def load(name):
    """All exchanges of a recording, in order."""
    with (recordings() / name).open(encoding="utf-8") as stream:
        return [Exchange.of(json.loads(line)) for line in stream]


@dataclass
class Key:
    """Credentials of a call; fields that differ from the ordinary are for testing those."""

    text: str
    nonce: str | None = None
    timestamp: int | None = None
    method: str = "PLAINTEXT"

    def header(self, verb, url):
        """The ``Authorization`` header."""
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


_NONCES = itertools.count(1)


@dataclass
class Lab:
    """A fresh region, its clock, and what stands for what was recorded.

    Attributes:
        server: The :class:`RegionServer`.
        keys: API keys by the name that a recording calls their user.
        names: Recorded names (system_ids, URIs, token keys) that differ here.
    """

    server: RegionServer
    keys: dict = field(default_factory=dict)
    names: dict = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self):
        self.region.clock = lambda: self.seconds
        self.keys["admin"] = self.server.api_key
        self._connection = http.client.HTTPConnection("127.0.0.1", self.server.port)

    @property
    def region(self):
        return self.server.region

    def wait(self, seconds):
        """Let time pass for the region."""
        self.seconds += seconds

    def send(self, exchange, key=None, header=None, files=None, content_type=None):
        """Send a recorded call; returns (status, content type, body).

        Args:
            exchange: What to send.
            key: :class:`Key` to sign with, None for an unsigned call.
            header: Another ``Authorization`` header.
            files: Contents of the exchange's files, by field name.
            content_type: Of a raw body.
        """
        path = self._translated(exchange.path)
        target = quote(path, "/:%?&=")
        if exchange.params:
            target += "?" + urlencode(self._values(exchange.params), doseq=True)
        body, kind = self._body(exchange, files or {}, content_type)
        headers = {"Content-Type": kind} if kind else {}
        if key:
            url = f"http://127.0.0.1:{self.server.port}{target}"
            headers["Authorization"] = key.header(exchange.method, url)
        elif header:
            headers["Authorization"] = header
        self._connection.request(exchange.method, target, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        kind = answer.headers.get("Content-Type", "")
        text = content.decode("utf-8", "replace")
        return answer.status, kind, json.loads(text) if "json" in kind and text else text

    def _body(self, exchange, files, content_type):
        if exchange.raw is not None:
            return exchange.raw.encode(), content_type
        if exchange.json_body is not None:
            return json.dumps(exchange.json_body).encode(), "application/json"
        form = self._values(exchange.form or {})
        if files or exchange.files or exchange.multipart:
            return multipart(form, files), "multipart/form-data; boundary=xyz"
        if form:
            return urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        return None, None

    def _values(self, fields):
        found = {}
        for name, value in fields.items():
            uri = f"{ID_FIELDS.get(name)}/{value}/"
            for recorded, ours in self.names.items():
                if recorded.endswith(f"/{uri}"):
                    value = ours.rstrip("/").rpartition("/")[2]
            found[name] = self._here(value)
        return found

    def _here(self, value):
        if isinstance(value, list):
            return [self._here(item) for item in value]
        return self.names.get(value, value) if isinstance(value, str) else value

    def as_here(self, exchange):
        """The exchange with the names (not the paths) in its answer that objects have here."""
        text = json.dumps(exchange.body)
        for recorded, ours in self.names.items():
            if "/" not in recorded:
                text = text.replace(recorded, ours)
        return replace(exchange, body=json.loads(text))

    def _translated(self, path):
        for recorded, ours in self.names.items():
            if recorded.startswith("/") and path.startswith(recorded):
                return ours + path[len(recorded) :]
        parts = [self.names.get(part, part) for part in path.split("/")]
        return "/".join(parts)

    def learn(self, recorded, got):
        """Remember what an object that was just made is called here."""
        if isinstance(recorded, dict) and isinstance(got, dict):
            for key in NAMING:
                one, other = recorded.get(key), got.get(key)
                if isinstance(one, str) and isinstance(other, str) and one != other:
                    self.names[one] = other


def multipart(form, files):
    """A multipart body with the boundary ``xyz``; texts in ``files`` are plain fields."""
    parts = [(name, v, False) for name, value in form.items() for v in _many(value)]
    parts += [(name, value, isinstance(value, bytes)) for name, value in files.items()]
    lines = []
    for name, value, is_file in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        head += f'; filename="{name}"' if is_file else ""
        content = value if is_file else str(value).encode()
        lines.append(b"--xyz\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n")
    return b"".join(lines) + b"--xyz--\r\n"


def _many(value):
    return value if isinstance(value, list) else [value]


# -- comparing ---------------------------------------------------------------------------------


def differences(exchange, answer, unrecorded=()):
    """What differs between a recorded answer and one of the emulator: a list of texts.

    Args:
        exchange: What was recorded.
        answer: (status, content type, body) of the emulator.
        unrecorded: Fields that a real MAAS has and the recording has not, by a fault of the
            laboratory.
    """
    status, content_type, body = answer
    found = []
    if status != exchange.status:
        found.append(f"status {status}, recorded {exchange.status}: {str(body)[:200]}")
    if content_type != exchange.content_type:
        found.append(f"content type {content_type}, recorded {exchange.content_type}")
    if not found and "html>" not in str(exchange.body):
        _compare(exchange.body, body, "body", found)
    endings = tuple(f": {name} not recorded" for name in unrecorded)
    return [text for text in found if not text.endswith(endings)] if endings else found


def _compare(recorded, got, where, found, key=""):
    if isinstance(recorded, dict) and isinstance(got, dict):
        if key == "sets":  # named after the day
            recorded = dict(enumerate(recorded.values()))
            got = dict(enumerate(got.values()))
        for name in sorted(recorded.keys() ^ got.keys(), key=str):
            found.append(f"{where}: {name} {'missing' if name in recorded else 'not recorded'}")
        for name in recorded.keys() & got.keys():
            _compare(recorded[name], got[name], f"{where}.{name}", found, str(name))
    elif isinstance(recorded, list) and isinstance(got, list):
        if len(recorded) != len(got):
            found.append(f"{where}: {len(got)} elements, recorded {len(recorded)}")
        pairs = zip(_sorted(recorded, key), _sorted(got, key))
        for number, (one, other) in enumerate(pairs):
            _compare(one, other, f"{where}[{number}]", found)
    elif type(recorded) is not type(got):
        found.append(f"{where}: {got!r}, recorded {recorded!r}")
    elif not VOLATILE.fullmatch(key) and _plain(recorded, key) != _plain(got, key):
        found.append(f"{where}: {str(got)[:160]!r}, recorded {str(recorded)[:160]!r}")


def _sorted(items, key=""):
    """Objects in an order of their own: the database's order means nothing."""
    if key == "disabled_boot_architectures":  # a set
        return sorted(items)
    if not items or not isinstance(items[0], dict):
        return items
    if all("id" in item for item in items):
        return sorted(items, key=lambda item: item["id"])
    return sorted(items, key=lambda item: json.dumps(_stable(item), sort_keys=True))


def _stable(item):
    if isinstance(item, list):
        return [_stable(part) for part in item]
    if not isinstance(item, dict):
        return item
    return {name: _stable(value) for name, value in item.items() if not VOLATILE.fullmatch(name)}


def _plain(value, key):
    """A text without what changes from run to run."""
    if not isinstance(value, str):
        return value
    value = re.sub(r"string: .*?&\w{20,}", "string: &SECRET", value)
    value = re.sub(r"(given|now) \d+", r"\1 N", value)
    if key == "value" and value.isdecimal():
        value = "N"  # the number of a text that was not sent
    for pattern in (r"is not one of ([A-Z ]+)\.", r"\{(<.*>)\}", r"must be one of: (.*; .*) \("):
        match = re.search(pattern, value)
        if match:  # a set's order
            words = sorted(re.split(r"(?<=>), |; | ", match.group(1)))
            value = value.replace(match.group(1), " ".join(words))
    listed = re.search(r"one of: (.*)\.$", value)
    if listed:  # a set's, or ids
        words = sorted(re.sub(r"'\d+'", "'N'", listed.group(1)).split(", "))
        value = re.sub(r"^'\d+'", "'N'", value.replace(listed.group(1), " ".join(words)))
    value = re.sub(r"127\.0\.0\.1:\d+/MAAS", "HOST/MAAS", value)
    settings = re.search(r"valid settings are: ([\w, ]+)", value)
    if settings:  # 1.x lists them in the order of a hash
        names = ", ".join(sorted(settings.group(1).split(", ")))
        value = value.replace(settings.group(1), names)
    if key == "version":
        # An uploaded image is versioned by its day; a region by its release and build.
        value = re.sub(r"^20\d{6}\b", "DAY", value)
        value = re.sub(r"^(\d+\.\d+\.\d+)-.*", r"\1", value)
    return value


def report(name, results, known):
    """Print the figure, and fail on what the table of known differences does not say.

    Args:
        name: Of the recording.
        results: ``{exchange id: [difference, ...]}`` of every exchange that counts.
        known: ``{exchange id: reason}``.
    """
    different = {ident: texts for ident, texts in results.items() if texts}
    matched, total = len(results) - len(different), len(results)
    print(f"\n{name}: matched {matched} of {total} ({100 * matched / total:.1f} %)")
    for ident in different:
        print(f"  differs: {ident}: {known.get(ident, 'NOT KNOWN')}")
    problems = [
        f"{ident} differs: " + "; ".join(texts[:6])
        for ident, texts in different.items()
        if ident not in known
    ]
    problems += [
        f"{ident} is in the table of known differences, but matches or is not replayed"
        for ident in known
        if ident not in different
    ]
    assert not problems, "\n".join(problems)
    return matched, total

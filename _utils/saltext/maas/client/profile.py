"""How to reach one region's API."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from saltext.maas import region_url, schemas
from saltext.maas.checked import NOTHING, Checked
from saltext.maas.release import Release, supported

_KEY = re.compile(r"^[^\s:]+:[^\s:]+:[^\s:]+$")
#: What a profile may say, in minion configuration, pillar or an argument.
SCHEMA = schemas.mapping(
    {
        "url": schemas.text("The region's URL, where it is not region:url.", "region_url"),
        "api_key": schemas.text(
            "consumer:token:secret, or an sdb:// reference.", "api_key", secret=True,
            allowed="an API key such as consumer:token:secret, or an sdb:// reference",
        ),
        "ca_file": schemas.text("PEM file with the CA of the region's certificate."),
        "verify": schemas.flag("false switches certificate checking off."),
        "connect_timeout": schemas.seconds("Seconds to wait for a connection."),
        "read_timeout": schemas.seconds("Seconds to wait for an answer."),
        "deadline": schemas.seconds("Seconds for one call and its retries."),
        "concurrency": schemas.whole("Requests under way at once.", 1, 64),
        "release": schemas.release("As release above."),
        "max_body": schemas.seconds("MiB that one answer may have."),
    },
    "How to reach the API; on the region host nothing need be given.",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Profile:
    """How to reach one region's API.

    Args:
        url: The region's URL, such as ``http://192.0.2.10:5240/MAAS``.
        api_key: ``consumer:token:secret``, or empty for anonymous calls.
        ca_file: PEM file with the CA that signed the region's certificate.
        verify: False switches certificate checking off.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for an answer; MAAS may need tens of
            seconds for a write that collides with others.
        deadline: Seconds after which one call, its retries included, is given up.
        concurrency: How many requests may be under way at once.
        release: The region's release where it is known beforehand.
        max_body: Size in MiB that an answer may have.
        place: Where all that stands, for messages.

    """

    url: str
    api_key: str = dataclasses.field(default="", repr=False)
    ca_file: str = ""
    verify: bool = True
    connect_timeout: float = 10.0
    read_timeout: float = 90.0
    deadline: float = 180.0
    concurrency: int = 4
    release: Release | None = None
    max_body: float = 100.0
    place: str = dataclasses.field(default="maas:api", repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "url", region_url.base(self.url))

    @classmethod
    def from_mapping(
        cls, values: Mapping[str, Any], where: str = "maas:api", checked: Checked = NOTHING
    ) -> Profile:
        """Build a profile from configuration, refusing what is wrong.

        Args:
            values: The keys above; what is None or empty counts as not given.
            where: Where the values stand, for the messages.
            checked: What was found right before, which is not checked again.

        Raises:
            BadInput: With one line for each mistake.
        """
        given = {key: value for key, value in values.items() if value not in (None, "")}
        if not checked.knows("profile", given):
            schemas.check(given, {**SCHEMA, "required": ["url"]}, where, _FORMATS)
            checked.note("profile", given)
        if "release" in given:
            given["release"] = supported(given["release"])
        return cls(**given, place=where)

    @property
    def unencrypted(self) -> bool:
        """Whether keys and passwords cross a network as they are: ``http`` to another host."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not region_url.is_loopback(parts.hostname or "")


def api_key_fits(text: str) -> bool:
    """Return whether a text has the form of an API key."""
    return bool(_KEY.match(text))


_FORMATS = {**schemas.FORMATS, "api_key": api_key_fits}

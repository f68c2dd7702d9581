"""``agent.yaml``, which a rack of 3.5 and later writes for its agent, the shared secret in it."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from maas_emulator.hosts import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

_CACHE = {"deb": "/var/cache/maas", "snap": "/var/snap/maas/common/maas/cache"}
_GIB = 2**30


def write_config(host: Sandbox, region: str, urls: list[str], secret: str | None) -> None:
    """Write the file, as a rack does once it is connected; an older release has none.

    Args:
        host: The rack's host.
        region: What the region's host is called.
        urls: Where the rack finds it.
        secret: That the rack was started with.
    """
    if "cluster_agent" not in host.files():
        return
    names = [urlsplit(url).hostname or "" for url in urls]
    number = str(uuid.uuid5(uuid.NAMESPACE_DNS, region))
    known = {"maas_uuid": number, "system_id": (host.read("maas_id") or "").strip()}
    keys: dict[str, object]
    cache = {"size": 20 * _GIB, "dir": f"{_CACHE[host.kind]}/httpproxy"}
    if host.release >= "3.8":
        keys = {
            "controller": f"https://{names[0]}:5242",
            "temporal": {"host": names[0], "port": 5271, "encryption_key": secret},
            "services": {"http_proxy": {"cache": cache}},
            "observability": {"logging": {"level": "info"}, "metrics": {"enabled": True}},
            "tls": {"cert_file": "", "key_file": "", "ca_file": ""},
        }
    else:
        proxy = {"cache_size": cache["size"], "cache_dir": cache["dir"]}
        keys = {"controllers": names, "secret": secret, "httpproxy": proxy, "log_level": "info"}
    _, mode, owner = host.files()["cluster_agent"]
    text = "# MAAS writes this file anew.\n\n" + formats.write_yaml({**known, **keys})
    host.write("cluster_agent", text, mode, owner)

"""User data that makes a machine a minion, beside the user's own.

It is a shell script and not cloud-config: lists of two cloud-configs, such as ``runcmd``, replace
each other, and cloud-init's own module for Salt keeps the private key that it was given.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Mapping
from email import encoders, message_from_bytes
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from types import SimpleNamespace
from typing import Any

from saltext.maas.errors import BadInput
from saltext.maas.pillar.yaml_text import to_yaml

#: First bytes of user data, and the content type of such a part; as cloud-init tells them apart.
_KINDS = (
    (b"#!", "x-shellscript"), (b"#cloud-config-archive", "cloud-config-archive"),
    (b"#cloud-config", "cloud-config"), (b"#cloud-boothook", "cloud-boothook"),
    (b"#include-once", "x-include-once-url"), (b"#include", "x-include-url"),
    (b"#part-handler", "part-handler"), (b"#upstart-job", "upstart-job"),
    (b"## template: jinja", "jinja2"),
)  # fmt: skip
_MIME = (b"mime-version:", b"content-type: multipart")
#: Size of the key that the machine makes, unless the minion's option ``keysize`` says another.
_BITS = 4096
#: MAAS and cloud-init take more; nobody needs it, and a mistake in a path is found.
_MOST = 1 << 20
_BOOTSTRAP = (
    "https://github.com/saltstack/salt-bootstrap/releases/latest/download/bootstrap-salt.sh"
)
#: Options of the minion that hold paths; not for the one call with the first key.
_PATHS = ("root_dir", "cachedir", "sock_dir", "extension_modules", "log_file", "pidfile",
          "conf_file", "default_include")  # fmt: skip


def grains_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grains of a machine, from MAAS's answer: what stands under ``maas_machine``."""
    return {
        "system_id": raw["system_id"], "hostname": raw["hostname"],
        "fqdn": raw.get("fqdn") or raw["hostname"], "zone": (raw.get("zone") or {}).get("name"),
        "pool": (raw.get("pool") or {}).get("name"), "tags": sorted(raw.get("tag_names") or ()),
    }  # fmt: skip


def with_script(own: bytes, text: str) -> bytes:
    """Return user data with a shell script beside the user's own, as MIME parts.

    Args:
        own: The user's own user data; may be empty.
        text: The script.

    Raises:
        BadInput: The user's own user data is of a kind that cannot be combined.
    """
    whole = MIMEMultipart()
    for part in parts(own):
        whole.attach(part)
    whole.attach(_part(text.encode(), "x-shellscript", "salt-minion.sh"))
    return whole.as_bytes()


def _part(content, kind, name):
    part = MIMEBase("text", kind)
    part.set_payload(content)
    encoders.encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=name)
    return part


def parts(own: bytes) -> list[Message]:
    """Return the user's own user data as parts.

    Raises:
        BadInput: It is of a kind that cannot be combined.
    """
    start = own.lstrip()[:40].lower()
    if not start:
        return []
    if len(own) > _MOST:
        raise BadInput(f"user_data: has {len(own)} bytes, and may have {_MOST}")
    if start.startswith(_MIME):
        found = message_from_bytes(own.lstrip())
        inner = found.get_payload()
        return [one for one in inner if isinstance(one, Message)] or [found]
    for first, kind in _KINDS:
        if start.startswith(first):
            return [_part(own, kind, "user-data")]
    starts = ", ".join(first.decode() for first, _ in _KINDS)
    raise BadInput(
        f"user_data: cannot be combined with that of the minion; it must be a MIME message, or "
        f"begin with one of: {starts}"
    )


def script(
    settings: SimpleNamespace,
    minion: str,
    grains: Mapping[str, Any],
    private_key: str,
    public_key: str,
    finger: str,
) -> str:
    """Return the shell script that makes a machine a minion.

    Args:
        settings: From :func:`saltext.maas.minions.settings.settings_of`.
        minion: Id of the minion.
        grains: From :func:`grains_of`.
        private_key, public_key: The key pair for the first start, PEM.
        finger: Fingerprint of the master's public key.
    """
    conf = settings.config_dir
    pki = f"{conf}/pki/minion"
    config = {**settings.config, "id": minion, "master_finger": finger}
    config.setdefault("master", settings.master)
    once = {name: one for name, one in config.items() if name not in _PATHS}
    return _SCRIPT.format(
        minion=minion, conf=shlex.quote(conf), install=_text(_install(settings)),
        config=_text(to_yaml({**config, "pki_dir": pki})), once=_text(to_yaml(once)),
        grains=_text(to_yaml({"maas_machine": dict(grains)})),
        grain=shlex.quote(json.dumps(grains)), private=_text(private_key),
        public=_text(public_key), refused=os.EX_NOPERM,
        bits=shlex.quote(str(settings.config.get("keysize", _BITS))),
    )  # fmt: skip


def _install(settings):
    if not isinstance(settings.install, str):
        return "\n".join([*settings.install, ""])
    if settings.install == "package":
        return _PACKAGE
    return _FETCH.format(url=_BOOTSTRAP, version=shlex.quote(settings.version))


def _text(content):
    """A text as a here-document for ``base64 -d``: nothing in it means anything to the shell."""
    return f"{base64.encodebytes(content.encode()).decode()}END"


_FETCH = """\
get() {{ curl -fsSL "$1" -o "$2" || wget -qO "$2" "$1"; }}
get {url} "$once/bootstrap"
sh "$once/bootstrap" -X -d stable {version}
"""
_PACKAGE = """\
if command -v apt-get; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update && apt-get -y install salt-minion
else
    dnf -y install salt-minion || yum -y install salt-minion || zypper -n install salt-minion
fi
"""

_SCRIPT = """\
#!/bin/sh
# Make this machine the minion {minion}. The first key is replaced by one that is made here; it is
# of no use afterwards.
set -u
umask 077
conf={conf}
pki=$conf/pki/minion
once=$(mktemp -d) || exit 1
trap 'rm -rf "$once"' EXIT
fail() {{ echo "salt-minion of {minion}: $*" >&2; exit 1; }}

# Packages must not start the minion before it is configured.
systemctl mask salt-minion.service >/dev/null 2>&1
base64 -d >"$once/install" <<END
{install}
(umask 022; once=$once sh -e "$once/install") || fail "Salt could not be installed"
command -v salt-call >/dev/null || fail "Salt was not installed"

mkdir -p "$conf/minion.d" "$pki" "$once/pki"
[ -e "$conf/minion" ] || echo "# see minion.d" >"$conf/minion"
base64 -d >"$conf/minion.d/99-maas.conf" <<END
{config}
if [ -s "$conf/grains" ]; then
    salt-call -c "$conf" --local --log-level=error grains.setval maas_machine {grain}
else
    base64 -d >"$conf/grains" <<END
{grains}
fi

base64 -d >"$once/pki/minion.pem" <<END
{private}
base64 -d >"$once/pki/minion.pub" <<END
{public}
base64 -d >"$once/minion" <<END
{once}
printf '%s: "%s"\\n' root_dir "$once" pki_dir "$once/pki" cachedir "$once/cache" \\
    sock_dir "$once/run" log_file "$once/log" default_include none >>"$once/minion"
# An image may have keys of the machine that it was made on.
rm -f "$pki"/*
openssl genrsa -out "$pki/minion.pem" {bits} 2>/dev/null &&
    openssl rsa -in "$pki/minion.pem" -pubout -out "$pki/minion.pub" 2>/dev/null ||
    fail "openssl could not make a key"
chmod 400 "$pki/minion.pem"
chmod 644 "$pki/minion.pub"
key=$(grep -v -e - "$pki/minion.pub" | tr -d '\\n=')
tries=0
while :; do
    said=$(salt-call -c "$once" --out=newline_values_only --log-level=error \\
        publish.runner maas.renew_minion_key "$key" timeout=60)
    code=$?
    case $code:$said in
    0:renewed) break ;;
    0:refused*) fail "$said" ;;
    {refused}:*)
        # A call whose answer was lost has replaced it; or somebody else, and then the minion that
        # starts below is refused, too.
        echo "salt-minion of {minion}: the first key is accepted no more" >&2
        break
        ;;
    esac
    tries=$((tries + 1))
    [ $tries -lt 40 ] || fail "the master did not take the key; deploy the machine again"
    sleep 15
done
rm -rf "$once"

systemctl unmask salt-minion.service >/dev/null 2>&1
systemctl enable salt-minion.service
systemctl restart salt-minion.service
"""

"""The states of regions' and clusters' hosts through a real ``salt-call --local``.

Each tree is planned, applied, applied again and undone, in a sandbox beside an embedded region.
"""

from __future__ import annotations

import datetime
import os
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from saltext.maas.host import cluster_config
from support.fleet import with_database
from support.postgres import TEMPORAL
from support.salt_call import Minion
from support.site_manager import token

pytestmark = [pytest.mark.salt, pytest.mark.postgres]
TOKEN = token()
PASSWORDS = ("first-unlikely-pw", "second-unlikely-pw")


def certificate(folder):
    """A key and a certificate of its own for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime(2020, 1, 1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(1).not_valid_before(now)
    made = made.not_valid_after(now + datetime.timedelta(days=36500)).sign(key, hashes.SHA256())
    kind = serialization.Encoding.PEM
    text = key.private_bytes(kind, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for name, data in (("key.pem", text), ("cert.pem", made.public_bytes(kind))):
        (folder / name).write_bytes(data)
    return {"key": str(folder / "key.pem"), "cert": str(folder / "cert.pem")}


def region(fleet, box, installation, folder):
    admin = {"name": "admin", "username": "ops", "email": "ops@example.com"}
    key = str(folder / "maas.key")
    site = {"name": "site", "token": TOKEN, "metadata": {"country": "DE"}, "wait": 0}
    present = {
        "maas_msm.enrolled": [site],
        "maas_region.admin_present": [{**admin, "password": PASSWORDS[0]}],
        "maas_api_key.key_present": [{"name": "spare", "username": "ops"}],
        "maas_api_key.present": [{"name": key, "username": "ops", "key_name": "backup"}],
        "maas_cli.profile_present": [{"name": "lab", "url": fleet.url, "key_file": key}],
        "maas_region.tls_enabled": [{"name": "tls", **certificate(folder)}],
    }
    changed = {
        "maas_msm.withdrawn": [{"name": "site"}],
        "maas_region.admin_present": [
            {**admin, "password": PASSWORDS[1], "enforce_password": True}
        ],
        "maas_region.tls_disabled": [{"name": "tls"}],
        "maas_cli.profile_absent": [{"name": "lab"}],
        "maas_api_key.absent": [{"name": key, "revoke": True}],
        "maas_api_key.key_absent": [{"name": "spare", "username": "ops"}],
    }
    return present, changed


def rack(fleet, box, installation, folder):
    secret = fleet.region.secret
    folder = os.path.join(os.path.dirname(installation.path("images")), "snapshot-1")
    os.makedirs(os.path.join(folder, "ubuntu/amd64/generic/focal/stable"))
    with open(os.path.join(folder, "ubuntu/amd64/generic/focal/stable/boot-kernel"), "wb"):
        pass
    os.symlink("snapshot-1", installation.path("images"))
    here = "ubuntu/focal/amd64"
    present = {
        "maas_cluster.configured": [{"name": "host", "url": fleet.url, "secret": secret}],
        "maas_cluster.secret_installed": [{"name": "secret", "secret": secret}],
        "maas_cluster.registered": [{"name": "enrolled", "timeout": 20}],
        "maas_cluster.images_on_disk": [{"name": "images", "listed": [here]}],
    }
    changed = {
        "maas_cluster.secret_installed": [{"name": "secret", "secret": "c0ffee" * 5}],
    }
    return present, changed


def old_cluster(fleet, box, installation, folder):
    source = {"path": "http://images.example.com/", "selections": [{"release": "trusty"}]}
    uuid = cluster_config.read_files(installation)["uuid"]
    present = {
        "maas_cluster.configured": [{"name": "host", "url": fleet.url, "uuid": uuid}],
        "maas_cluster.boot_resources": [{"name": "images", "sources": [source]}],
    }
    changed = {
        "maas_cluster.boot_resources": [
            {"name": "images", "sources": [{**source, "path": "http://mirror.example.com/"}]}
        ],
    }
    return present, changed


@pytest.mark.parametrize(
    ("release", "role", "described"),
    [
        pytest.param("3.8", "region", region, id="region-3.8"),
        pytest.param("2.9", "cluster", rack, id="rack-2.9", marks=pytest.mark.sweep),
        pytest.param("1.5", "cluster", old_cluster, id="cluster-1.5", marks=pytest.mark.sweep),
    ],
)
def test_planned_applied_again_and_changed(postgres, tmp_path, release, role, described):
    with with_database(postgres, release, tmp_path / "hosts") as (fleet, config):
        options = {"database": config, "url": fleet.url} if role == "region" else {}
        if role == "region":
            postgres.execute(config["name"], TEMPORAL)
        box, installation = fleet.add("host", role, **options)
        (tmp_path / "minion").mkdir()
        more = {"maas.root": box.root, "id": "host"}
        minion = Minion(tmp_path / "minion", {"url": fleet.url}, **more)
        results = []
        for functions in described(fleet, box, installation, tmp_path):
            planned = minion.apply(functions, "test=True")
            assert not [one for one in planned.values() if one["result"] is False], planned
            done = minion.apply(functions)
            assert all(one["result"] for one in done.values()), done
            for name, one in done.items():
                assert one["changes"] == planned[name]["changes"], name
                assert planned[name]["result"] is (None if one["changes"] else True), name
            assert any(one["changes"] for one in done.values())
            again = minion.apply(functions)
            assert all(one["result"] and not one["changes"] for one in again.values()), again
            results += [planned, done, again]
        seen = repr(results) + fleet.argv_text()
        for secret in (*PASSWORDS, TOKEN, fleet.region.secret if release > "1.6" else PASSWORDS[0]):
            assert secret not in seen
        held = tmp_path / "maas.key"
        assert not held.exists() or stat.S_IMODE(held.stat().st_mode) == 0o600

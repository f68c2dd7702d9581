"""API keys in files: a key can be taken back from the region by itself."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.host import key_file
from saltext.maas.host.errors import HostError


@pytest.mark.parametrize("release", ["1.7", "3.7"])
def test_a_key_is_revoked_by_itself(release, tmp_path):
    with RegionServer(release=release) as server:
        client = Client(Profile(server.url, server.api_key))
        made = client.post("account/", op="create_authorisation_token")
        key = ":".join(made[part] for part in ("consumer_key", "token_key", "token_secret"))
        path = tmp_path / "key"
        path.write_text(key + "\n")
        assert key_file.valid(client, str(path)) is True
        assert key_file.revoke(client, str(path)) is True
        assert key_file.valid(client, str(path)) is False
        assert key_file.revoke(client, str(path)) is False
        assert client.get("users/")


def test_a_file_without_a_key(tmp_path):
    path = tmp_path / "key"
    path.write_text("no key\n")
    with pytest.raises(HostError, match="holds no API key"):
        key_file.revoke(Client(Profile("http://127.0.0.1:9/MAAS", "a:b:c")), str(path))

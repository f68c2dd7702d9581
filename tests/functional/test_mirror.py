"""A mirror of boot images by the real ``sstream-mirror``, from a small source on loopback."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from saltext.maas.errors import BadInput
from saltext.maas.host import mirror
from saltext.maas.host.errors import HostError
from support.salt_call import Minion
from support.throwaway import REPOSITORY

PATH = os.pathsep.join([str(REPOSITORY / ".venv-tools/bin"), os.environ["PATH"]])
pytestmark = [
    pytest.mark.skipif(
        not shutil.which("sstream-mirror", path=PATH), reason="needs sstream-mirror (make lint)"
    ),
    pytest.mark.skipif(not shutil.which("gpgv"), reason="needs gpg and gpgv"),
]
_CONTENT = "com.ubuntu.maas:stable:v3:download"
_PRODUCTS = f"streams/v1/{_CONTENT}.sjson"
_INDEX = "streams/v1/index.sjson"


class Source:
    """What a server of images has, signed by a key of its own."""

    def __init__(self, folder):
        self.folder, self.home = folder / "source", folder / "gpg"
        self.products = {}
        self.home.mkdir(mode=0o700)
        self._gpg("--quick-gen-key", "--passphrase", "", "images@example.com", "ed25519", "sign")
        self.keyring = folder / "keyring.gpg"
        self.keyring.write_bytes(self._gpg("--export"))

    def _gpg(self, *words, data=b""):
        command = ["gpg", "--batch", "--homedir", str(self.home), "--pinentry-mode", "loopback"]
        return subprocess.run(
            [*command, *words], input=data, check=True, capture_output=True
        ).stdout

    def close(self):
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False)

    def add(self, name, version, **words):
        """Add a version of a product, with one file."""
        content = f"{name} {version}".encode() * 100
        path = f"{name}/{version}/boot-kernel"
        target = self.folder / path
        target.parent.mkdir(parents=True)
        target.write_bytes(content)
        item = {"ftype": "boot-kernel", "path": path, "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest()}  # fmt: skip
        product = self.products.setdefault(name, {"label": "stable", "versions": {}, **words})
        product["versions"][version] = {"items": {"boot-kernel": item}}

    def publish(self):
        """Write and sign the index."""
        products = {"content_id": _CONTENT, "format": "products:1.0", "products": self.products}
        entry = {"path": _PRODUCTS, "format": "products:1.0", "products": [*self.products]}
        index = {"format": "index:1.0", "index": {_CONTENT: entry}}
        (self.folder / "streams/v1").mkdir(parents=True, exist_ok=True)
        for path, data in ((_PRODUCTS, products), (_INDEX, index)):
            text = json.dumps(data, indent=1).encode()
            (self.folder / path).write_bytes(self._gpg("--clearsign", data=text))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    source = Source(tmp_path_factory.mktemp("source"))
    for release in ("jammy", "noble", "plucky"):
        for arch in ("amd64", "arm64"):
            words = {"os": "ubuntu", "release": release, "arch": arch, "kflavor": "generic"}
            source.add(f"{release}-{arch}", "20260101", subarch=f"ga-{release}", **words)
    for arch in ("amd64", "arm64"):
        source.add(f"grub-{arch}", "20260101", os="grub", arch=arch, **{"bootloader-type": "uefi"})
    source.publish()
    handler = functools.partial(_Quiet, directory=source.folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        source.url = f"http://127.0.0.1:{server.server_port}"
        yield source
        server.shutdown()
    source.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def described(source, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return {"folder": str(tmp_path / "mirror"), "source": source.url,
            "keyring": str(source.keyring)}  # fmt: skip


def files(described):
    folder = described["folder"]
    found = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
    return {os.path.relpath(path, folder) for path in found if path.endswith("boot-kernel")}


@pytest.mark.life
def test_chosen_images_with_their_boot_loaders(source, described):
    described.update(releases=["jammy", "noble"], arches=["amd64"])
    planned = mirror.sync(described, test=True)
    assert not os.path.exists(described["folder"])
    done = mirror.sync(described)
    assert done["changes"] == planned["changes"]
    assert done["changes"]["images"]["new"] == "jammy-amd64 20260101, noble-amd64 20260101"
    expected = {f"{name}-amd64/20260101/boot-kernel" for name in ("jammy", "noble", "grub")}
    assert files(described) == expected
    # The index is the source's, so that regions can check its signature.
    for path in (_INDEX, _PRODUCTS):
        with open(os.path.join(described["folder"], path), "rb") as stream:
            assert stream.read() == (source.folder / path).read_bytes()
    assert mirror.sync(described, test=True)["changes"] == {}
    assert mirror.sync(described)["changes"] == {}

    source.add("noble-amd64", "20260202")
    source.publish()
    planned = mirror.sync(described, test=True)
    done = mirror.sync(described)
    assert done["changes"] == planned["changes"]
    assert done["changes"]["images"]["new"] == "noble-amd64 20260202"
    assert done["changes"]["images"]["old"] == "noble-amd64 20260101"
    assert "noble-amd64/20260101/boot-kernel" not in files(described)
    assert mirror.sync({**described, "versions": 2})["changes"]["images"]["old"] is None
    assert "noble-amd64/20260101/boot-kernel" in files(described)


@pytest.mark.life
def test_a_run_that_was_killed(described):
    """What it fetched in part is fetched anew, as this server cannot go on with it."""
    described.update(kernels=["ga-jammy"], flavors=["generic"], bootloaders=False)
    part = os.path.join(described["folder"], "jammy-amd64/20260101/boot-kernel.part")
    os.makedirs(os.path.dirname(part))
    with open(part, "wb") as stream:
        stream.write(b"jammy-amd64 ")
    assert list(mirror.sync(described)["changes"]) == ["images"]
    assert {path.partition("/")[0] for path in files(described)} == {"jammy-amd64", "jammy-arm64"}
    assert not os.path.exists(part)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"path": "streams/v1/index.json"}, "is not signed"),
        ({"releases": ["a|b"]}, "maas:mirror:releases"),
        ({"source": "http://user:pw-unlikely@127.0.0.1/"}, "maas:mirror:source"),
        ({"folder": "relative"}, "maas:mirror:folder: 'relative' must be an absolute path"),
    ],
)
def test_what_is_refused(described, wrong, text):
    with pytest.raises(BadInput, match=text) as caught:
        mirror.sync({**described, **wrong})
    assert "unlikely" not in str(caught.value)


@pytest.mark.life
def test_what_fails(described, tmp_path, monkeypatch):
    other = tmp_path / "other.gpg"
    other.write_bytes(b"")
    with pytest.raises(HostError, match="sstream-mirror failed with status 1"):
        mirror.sync({**described, "keyring": str(other)})
    assert not files(described)
    with pytest.raises(HostError, match="sstream-mirror failed"):
        mirror.sync({**described, "source": "http://127.0.0.1:9/"})
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HostError, match="The command sstream-mirror is not installed"):
        mirror.sync(described)


@pytest.mark.life
@pytest.mark.salt
def test_the_state_tree(described, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "_utils"))
    folder = tmp_path / "minion"
    (folder / "pillar").mkdir(parents=True)
    (folder / "loaded").mkdir()
    for kind in ("modules", "states"):
        (folder / "loaded" / kind).symlink_to(REPOSITORY / f"_{kind}")
    (folder / "pillar/top.sls").write_text("base: {'*': [host]}")
    (folder / "pillar/host.sls").write_text(yaml.safe_dump({"maas": {"mirror": described}}))
    minion = Minion(
        folder, {}, file_roots={"base": [str(REPOSITORY / "salt")]},
        module_dirs=[str(folder / "loaded")],
    )  # fmt: skip
    shown = minion.call("state.show_sls", "maas.mirror")
    site = str(shown["maas mirror site"])
    assert f"root {described['folder']};" in site
    assert "listen 8081;" in site
    for arguments in (["test=True"], []):
        single = ["state.single", "maas_mirror.synced", described["folder"], *arguments]
        done = minion.call(*single)
        [one] = done.values()
        assert one["result"] is (None if arguments else True), one
        assert list(one["changes"]) == ["images"]

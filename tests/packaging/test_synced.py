"""Delivery by ``saltutil.sync_all`` to where the package is not installed."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import pytest
import saltext.maas
import yaml
from deliveries import LARGEST_SYNC, OF_RESOURCES, RESOURCES, Salt, clean_tree, kinds, loader_files
from maas_emulator.hosts import sandbox
from maas_emulator.server import RegionServer

pytestmark = pytest.mark.salt

_OURS = ("saltext", "__editable__")
#: What only the master's own sync brings; the runner is asked for it.
ON_THE_MASTER = {"runners", "pillar", "roster"}


def without_package(folder: Path) -> str:
    """A folder with links to everything that is installed here, except this project."""
    folder.mkdir()
    for key in ("purelib", "platlib"):
        for path in Path(sysconfig.get_path(key)).iterdir():
            link = folder / path.name
            if not path.name.startswith(_OURS) and not link.exists():
                link.symlink_to(path)
    return str(folder)


@pytest.fixture(scope="module")
def region():
    """A region, and a profile by which it is reached."""
    with RegionServer(release="3.7") as server:
        yield server


@pytest.fixture(scope="module")
def salt(region, tmp_path_factory):
    """Salt where this project is known as a file root only; synced."""
    folder = tmp_path_factory.mktemp("synced")
    tree = clean_tree(folder / "tree")
    roots = {"base": [str(tree / "salt"), str(tree)]}
    # With -S Python looks nowhere else for packages.
    tools = Salt(
        folder / "salt", without_package(folder / "site"), python=["-S"], file_roots=roots,
        maas={"url": region.url, "api_key": region.api_key},
    )  # fmt: skip
    tools.synced = tools.call("saltutil.sync_all")
    return tools


@pytest.fixture
def highstate(salt):
    """A function that applies one state: its return."""

    def apply(function, name, *arguments):
        (answer,) = salt.call("state.single", function, name, *arguments).values()
        return answer

    return apply


def test_the_package_is_not_installed(salt):
    program = "import importlib.util as u; print(u.find_spec('saltext'))"
    assert salt.python_program(program).stdout.strip() == "None"


def test_everything_is_synced(salt):
    for kind in {*kinds()} - ON_THE_MASTER:
        names = {f"{kind}.{Path(name).stem}" for name in loader_files(kind)}
        assert names == set(salt.synced[kind])
    assert "utils.saltext.maas.client.session" in salt.synced["utils"]


def test_a_sync_holds_no_emulator_and_is_not_large(salt, record_testsuite_property):
    synced = next(salt.folder.rglob("extmods"))
    files = [path for path in synced.rglob("*") if path.is_file()]
    assert not [path for path in files if "emulator" in str(path.relative_to(synced))]
    size = sum(path.stat().st_size for path in files if path.suffix != ".pyc")
    record_testsuite_property("KiB that a sync brings", size // 1024)
    assert 100 * 1024 < size < LARGEST_SYNC


def test_a_second_sync_has_nothing_to_do(salt):
    assert not any(salt.call("saltutil.sync_all").values())


def test_salt_loads_modules_and_states(salt):
    modules = {name for name in salt.call("sys.list_modules") if name.startswith("maas")}
    assert modules == {Path(name).stem for name in loader_files("modules")}
    states = {name for name in salt.call("sys.list_state_modules") if name.startswith("maas")}
    assert states == {Path(name).stem for name in loader_files("states")}


def test_salt_shows_documentation_and_arguments_of_generated_functions(salt):
    docs = salt.call("sys.doc", "maas_subnet.set", "maas_machine.mark_broken")
    assert (
        "comment (str): Comment for MAAS's log of events (1.9 and later)."
        in docs["maas_machine.mark_broken"]
    )
    assert "maas_machine.mark_broken web-1 'comment=fan is" in docs["maas_machine.mark_broken"]
    shown = docs["maas_subnet.set"]
    assert shown.startswith("Create or change a subnet; what is not given is left alone.\n")
    assert "rdns_mode (disabled, enabled or rfc2317): Reverse DNS (2.0 and later)." in shown
    assert "CommandExecutionError: MAAS refuses, or cannot be asked." in shown
    assert "salt region maas_subnet.set 10.10.0.0/24 vlan=dc1/100" in shown
    known = salt.call("sys.argspec", "maas_subnet.set")["maas_subnet.set"]
    assert known["args"][:3] == ["name", "subnet_name", "vlan"]
    assert known["args"][-1] == "profile"
    shown = salt.call("sys.state_doc", "maas_subnet.present")["maas_subnet.present"]
    assert "        10.10.0.0/24:\n          maas_subnet.present:\n" in shown


def test_salt_refuses_an_argument_that_a_generated_function_does_not_have(salt):
    done = salt._start("salt_call", "--local", "maas_zone.set", "north", "colour=blue")
    assert "not valid: colour=blue" in done.stderr


def test_the_grain_is_there(salt):
    assert salt.call("grains.get", "maas") == {"installed": False}


def test_the_grain_of_a_sync_finds_the_library_without_a_restart(salt, tmp_path):
    sandbox.create(tmp_path / "host", "3.7", "cluster", "rack-1")
    program = (
        "import importlib.util as u, sys; spec = u.spec_from_file_location('maas', sys.argv[1]);"
        "grain = u.module_from_spec(spec); spec.loader.exec_module(grain);"
        "print(grain.maas({'maas.root': sys.argv[2]})['maas']['roles'])"
    )
    synced = next(salt.folder.rglob("extmods")) / "grains" / "maas.py"
    done = salt.python_program(program, str(synced), str(tmp_path / "host"))
    assert done.stdout.strip() == "['cluster', 'rack']", done.stderr


def test_a_module_asks_the_region(salt, region):
    assert salt.call("maas_api.version")["url"] == region.url


def test_a_state_makes_something_once(region, highstate):
    planned = highstate("maas_fabric.present", "dc1", "test=True")
    assert planned["result"] is None
    done = highstate("maas_fabric.present", "dc1")
    assert done["result"] is True
    assert done["changes"] == planned["changes"] != {}
    region.requests.reset()
    again = highstate("maas_fabric.present", "dc1")
    assert (again["result"], again["changes"]) == (True, {})
    assert region.requests.writes() == []


def test_what_is_imported_late_is_found(salt, highstate):
    # The check of whole pillars imports jsonschema only when it runs, and the rest of the library
    # is asked for host matters only then.
    wrong = highstate("maas_region.pillar_valid", "pillar", "data={settings: {nonsense: 1}}")
    assert wrong["result"] is False
    assert "maas:settings:nonsense" in wrong["comment"]
    host = highstate("maas_region.configured", "host", "url=http://192.0.2.1:5240/MAAS")
    assert "No MAAS" in host["comment"]


def test_the_state_tree_renders(salt):
    shown = salt.call("state.show_sls", "maas.region")
    assert {one["__sls__"] for one in shown.values()} <= {"maas.region", "maas.region_host"}


def test_the_master_syncs_too_and_finds_the_library(salt, region):
    synced = salt.runner("saltutil.sync_all")
    for kind in {*kinds()} - {"beacons"}:
        names = {f"{kind}.{Path(name).stem}" for name in loader_files(kind)}
        assert names <= set(synced[kind]), json.dumps(synced)
    assert "utils.saltext.maas.runtime" in synced["utils"]
    assert salt.runner("maas.version") == saltext.maas.__version__
    folder = salt.folder / "cloud.providers.d"
    folder.mkdir()
    provider = {"driver": "maas", "url": region.url, "api_key": region.api_key}
    (folder / "maas.conf").write_text(yaml.safe_dump({"dc1": provider}))
    (salt.folder / "cloud").write_text(f"master_config: {salt.folder}/master\n")
    done = salt._start("salt_cloud", "--out=json", "--list-locations=dc1")
    assert list(json.loads(done.stdout)["dc1"]["maas"]) == ["default"], done.stderr


@pytest.mark.parametrize("kind", OF_RESOURCES)
def test_salt_finds_regions_and_machines_as_resources(salt, kind):
    pytest.importorskip("salt.utils.resources", reason="this Salt has no resources")
    assert f"resources.{kind}.__init__" in salt.synced["resources"]
    done = salt.python_program(RESOURCES, str(salt.folder / "minion"), kind)
    names, functions = json.loads(done.stdout)
    assert names == ["dc1"]
    assert set(functions) >= OF_RESOURCES[kind]

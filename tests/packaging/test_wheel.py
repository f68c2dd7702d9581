"""Delivery as a wheel: what is in it, and that Salt finds everything once it is installed."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import saltext.maas
from deliveries import (
    LARGEST_WHEEL,
    OF_RESOURCES,
    REPOSITORY,
    RESOURCES,
    Salt,
    clean_tree,
    kinds,
    loader_files,
    resource_files,
)

pytest.importorskip("build", reason="build is not installed")
pytestmark = pytest.mark.salt

LIBRARY = REPOSITORY / "_utils"
KINDS = kinds()
PACKAGES = saltext.maas._LOADER_TYPES
#: Distributions that have another name than their module.
SPELLED = {
    "psycopg2": "psycopg2-binary",
    "requests_oauthlib": "requests-oauthlib",
    "yaml": "pyyaml",
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Wheel and source distribution of a clean tree: ``(wheel, sdist)``."""
    folder = tmp_path_factory.mktemp("dist")
    tree = clean_tree(folder / "tree")
    # Packages may be built elsewhere than where they are released: without a clone around them.
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(tree)],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def salt(dist, tmp_path_factory):
    """Salt with the wheel installed, and nothing else of this project."""
    folder = tmp_path_factory.mktemp("installed")
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install"]
    if importlib.util.find_spec("pip") is None:
        pip = ["uv", "pip", "install", "--python", sys.executable]
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, *options, str(dist[0])], check=True, capture_output=True, timeout=120)
    return Salt(folder / "salt", str(target))


def library() -> set:
    """The library's files, relative to the folder that holds ``saltext``."""
    return {
        str(path.relative_to(LIBRARY))
        for path in LIBRARY.rglob("*")
        if path.suffix in (".py", ".typed")
    }


def test_the_wheel_holds_library_and_loader_modules_and_nothing_else(dist):
    with zipfile.ZipFile(dist[0]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    loaded = {
        f"saltext/maas/{PACKAGES[kind]}/{name}" for kind in KINDS for name in loader_files(kind)
    }
    resources = {f"saltext/maas/{PACKAGES['resources']}/{name}" for name in resource_files()}
    assert names == library() | loaded | resources


def test_the_wheel_is_not_large(dist, record_testsuite_property):
    size = dist[0].stat().st_size
    record_testsuite_property("KiB of the wheel", size // 1024)
    assert size < LARGEST_WHEEL


def test_the_wheel_has_licence_and_entry_point(dist):
    with zipfile.ZipFile(dist[0]) as archive:
        meta = {
            Path(name).name: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }
    assert "Apache License" in meta["LICENSE"]
    assert "saltext.maas = saltext.maas:loader_dirs" in meta["entry_points.txt"]


def test_nothing_about_the_distribution_stands_twice():
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    assert set(setup["metadata"]) == {"version"}
    layout = {"package_dir", "packages", "zip_safe", "include_package_data"}
    assert set(setup["options"]) == layout
    assert set(setup.sections()) == {"metadata", "options", "options.package_data"}


def test_every_library_that_is_imported_is_declared(dist):
    with zipfile.ZipFile(dist[0]) as archive:
        name = next(name for name in archive.namelist() if name.endswith("METADATA"))
        lines = archive.read(name).decode().splitlines()
    declared = {
        re.match(r"[A-Za-z0-9_.-]+", line.partition(" ")[2]).group().lower()
        for line in lines
        if line.startswith("Requires-Dist:") and "extra" not in line
    }
    # Only the fixture for others' tests wants pytest, and who uses it has it; the page of a
    # plan wants drawsvg, which the extra "plan" brings, and an encrypted backup pyrage ("backup").
    assert declared == third_party() - {"pytest", "drawsvg", "pyrage"}
    assert "extra == 'plan'" in "".join(lines).replace('"', "'")


def third_party() -> set:
    """The distributions of what the delivered files import."""
    found = set()
    folders = [LIBRARY, *(REPOSITORY / f"_{kind}" for kind in KINDS)]
    folders.append(REPOSITORY / "_resources")
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    found -= {*sys.stdlib_module_names, "saltext"}
    return {SPELLED.get(name, name) for name in found}


def test_the_source_distribution_holds_what_the_wheel_is_made_of_states_and_pillar(dist):
    with tarfile.open(dist[1]) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    names = {name for name in names if ".egg-info/" not in name}
    loaded = {f"_{kind}/{name}" for kind in KINDS for name in loader_files(kind)}
    loaded |= {f"_resources/{name}" for name in resource_files()}
    around = {
        "CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml",
        "setup.cfg",
    }  # fmt: skip
    example = {
        str(path.relative_to(REPOSITORY))
        for folder in ("salt", "pillar")
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in (".sls", ".yaml")
    }
    assert {"salt/maas/init.sls", "pillar/maas/site.sls", "pillar/fleet/sites.yaml"} <= example
    assert names == {f"_utils/{name}" for name in library()} | loaded | around | example


def test_twine_accepts_both(dist):
    pytest.importorskip("twine", reason="twine is not installed")
    # Some Salts hold back packaging, by which twine knows what a wheel's metadata may hold.
    pytest.importorskip("packaging", minversion="24.2")
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, dist)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_it_is_the_installed_one_that_runs(salt):
    where = salt.python_program("import saltext.maas; print(saltext.maas.__file__)").stdout
    assert where.startswith(salt.environment["PYTHONPATH"])


def test_salt_loads_every_module(salt):
    loaded = {name for name in salt.call("sys.list_modules") if name.startswith("maas")}
    assert loaded == {Path(name).stem for name in loader_files("modules")}


def test_salt_loads_every_state(salt):
    loaded = {name for name in salt.call("sys.list_state_modules") if name.startswith("maas")}
    assert loaded == {Path(name).stem for name in loader_files("states")}
    assert "maas_region.managed" in salt.call("sys.list_state_functions", "maas_region")


def test_functions_have_the_names_that_a_person_calls(salt):
    names = {f"maas_subnet.{name}" for name in ("delete", "get", "list", "set")}
    assert set(salt.call("sys.list_functions", "maas_subnet")) == names


def test_salt_shows_the_documentation(salt):
    shown = salt.call("sys.doc", "maas_subnet")["maas_subnet.get"]
    for part in ("Show one subnet.", "Args:", "Returns:", "CLI Example:", "maas_subnet.get"):
        assert part in shown


def test_salt_loads_the_grain(salt):
    assert salt.call("grains.get", "maas") == {"installed": False}


def test_salt_loads_the_runner(salt):
    assert salt.runner("maas.version") == saltext.maas.__version__


def test_salt_cloud_loads_the_driver(salt):
    program = (
        "import salt.config, salt.loader; opts = salt.config.cloud_config('cloud');"
        "opts['providers'] = {'dc1': {'maas': {'url': 'http://192.0.2.1:5240/MAAS'}}};"
        "print('maas.create' in salt.loader.clouds(opts))"
    )
    done = salt.python_program(program)
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("kind", OF_RESOURCES)
def test_salt_finds_regions_and_machines_as_resources(salt, kind):
    pytest.importorskip("salt.utils.resources", reason="this Salt has no resources")
    done = salt.python_program(RESOURCES, str(salt.folder / "minion"), kind)
    names, functions = json.loads(done.stdout)
    assert names == ["dc1"]
    assert set(functions) >= OF_RESOURCES[kind]

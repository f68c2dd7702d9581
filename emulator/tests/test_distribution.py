"""The distribution by itself: what is in it, and that it works where nothing else is."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

# Importing setuptools fails where something else has imported the standard distutils before.
for _tool in ("build", "setuptools", "wheel"):
    if importlib.util.find_spec(_tool) is None:
        pytest.skip(f"{_tool} is not installed", allow_module_level=True)

EMULATOR = Path(__file__).resolve().parents[1]
SOURCES = {str(path.relative_to(EMULATOR)) for path in EMULATOR.rglob("maas_emulator/**/*.py")}


def run(*command, **options):
    """Run a command; return what it prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Wheel and source distribution of a clean tree."""
    folder = tmp_path_factory.mktemp("dist")
    left_out = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*_cache")
    tree = shutil.copytree(EMULATOR, folder / "tree", ignore=left_out)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, tree)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def metadata(dist):
    """What the wheel says of itself, by file."""
    with zipfile.ZipFile(dist[0]) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" in name]
        return {Path(name).name: archive.read(name).decode() for name in names}


def needed(requirements):
    """The names of the distributions that these requirements bring along, extras left out."""
    found = set()
    for requirement in map(Requirement, requirements):
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            found |= {requirement.name}
            found |= needed(importlib.metadata.requires(requirement.name) or [])
    return found


@pytest.fixture(scope="module")
def python(dist, metadata, tmp_path_factory):
    """An interpreter that has the wheel and what it asks for without an extra, and no more."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    found = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(dist[0]) as archive:
        archive.extractall(site)
    for name in needed(re.findall(r"^Requires-Dist: (.*)$", metadata["METADATA"], re.M)):
        shipped = importlib.metadata.distribution(name)
        for file in shipped.files:
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(shipped.locate_file(file), site / file)
    return found


def test_the_wheel_holds_the_package_its_licence_and_its_entry_points(dist, metadata):
    with zipfile.ZipFile(dist[0]) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == SOURCES
    assert metadata["LICENSE"] == (EMULATOR / "LICENSE").read_text()
    assert "maas-emulator = maas_emulator.__main__:main" in metadata["entry_points.txt"]
    assert (
        "maas_emulator.pytest_plugin = maas_emulator.pytest_plugin"
        in (metadata["entry_points.txt"])
    )
    assert (EMULATOR / "README.md").read_text().strip() in metadata["METADATA"]


def test_the_licence_is_that_of_the_repository():
    whole = EMULATOR.parent / "setup.cfg"
    if not whole.is_file():
        pytest.skip("these are the sources of a release, not a checkout")
    assert (EMULATOR / "LICENSE").read_text() == whole.with_name("LICENSE").read_text()


def test_the_source_distribution_can_be_tested(dist):
    with tarfile.open(dist[1]) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    tests = {str(path.relative_to(EMULATOR)) for path in (EMULATOR / "tests").glob("*.py")}
    assert SOURCES | tests | {"LICENSE", "README.md", "pyproject.toml"} <= names


def test_every_module_can_be_imported_without_the_extension(python):
    """What needs an extra (the replica) is left out where that is not there."""
    program = """if True:
        import importlib, pkgutil, sys, maas_emulator
        found = pkgutil.walk_packages(maas_emulator.__path__, "maas_emulator.")
        names = [one.name for one in found]
        missing = {}
        for name in names:
            try:
                importlib.import_module(name)
            except ImportError as error:
                missing[name] = error.name
        print(len(names), missing)
        assert "saltext" not in sys.modules
    """
    count, _, missing = run(python, "-I", "-c", program).partition(" ")
    assert int(count) == len(SOURCES) - 1
    found = json.loads(missing.replace("'", '"'))
    assert set(found.values()) <= {"psycopg2", "pytest"}
    assert set(found) <= {"maas_emulator.replica", "maas_emulator.pytest_plugin"}


def test_the_command_plays_a_region(python):
    process = subprocess.Popen(
        [python, "-I", "-m", "maas_emulator", "--release", "2.9"], stdout=subprocess.PIPE, text=True
    )
    try:
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}/api/2.0/version/", timeout=20) as answer:
            assert json.load(answer)["version"] == "2.9.0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.stdout.close()


def test_it_tells_its_version(python, metadata):
    told = run(python, "-I", "-m", "maas_emulator", "--version")
    assert f"\nVersion: {told.split()[1]}\n" in metadata["METADATA"]


def test_an_extra_that_is_missing_is_named(python):
    done = subprocess.run(
        [python, "-I", "-m", "maas_emulator", "--database=postgresql:///x"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("an extra of maas-emulator is not installed: No module named")

"""A new resource type is one file: what else it takes is generated, and the tests take it up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = "_utils/saltext/maas/resources/devices.py"
#: What follows from it.
GENERATED = (
    "_states/maas_device.py", "_modules/maas_device.py",
    "_resources/maas_region/modules/maas_device.py",
)  # fmt: skip
MATRIX = REPOSITORY / "docs" / "resources.md"
FOLDERS = [path.name for path in REPOSITORY.glob("_*") if path.is_dir()]
FOLDERS += ["docs", "emulator", "pillar", "tests", "tools"]
#: Tests that hold for any resource type.
ANY_TYPE = (
    "test_answers.py", "test_docs.py", "test_generated.py", "test_pillar_fields.py",
    "test_resource_matrix.py", "test_tables.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the repository from which a type was taken out, and into which it is put again."""
    root = tmp_path_factory.mktemp("clone")
    for folder in FOLDERS:
        left_out = shutil.ignore_patterns("__pycache__", "_build", "reference", "*.egg-info")
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=left_out)
    for path in [REPOSITORY / "pyproject.toml", REPOSITORY / "Makefile", *REPOSITORY.glob("*.md")]:
        shutil.copy(path, root)
    for path in (TABLE, *GENERATED):
        (root / path).unlink()
    page = root / "docs" / "resources.md"
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    page.write_text("".join(one for one in lines if "| device |" not in one), encoding="utf-8")
    run(root, "tools/generate.py", "--check")  # nothing is left of it
    shutil.copy(REPOSITORY / TABLE, root / TABLE)
    return root


def run(clone, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=clone, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.sweep
def test_a_new_type_is_one_file(clone):
    assert run(clone, "tools/generate.py").split() == list(GENERATED)
    run(clone, "tests/support/resource_matrix.py", "docs/resources.md")
    made = (clone / "docs" / "resources.md").read_text(encoding="utf-8")
    assert made == MATRIX.read_text(encoding="utf-8")

    run(clone, "-m", "ruff", "check", "--no-cache", "_states", "_modules")
    run(clone, "-m", "ruff", "format", "--no-cache", "--check", "_states", "_modules")
    files = [f"tests/unit/{name}" for name in ANY_TYPE]
    told = run(
        clone, "-m", "pytest", "-v", "-p", "no:cacheprovider", *files,
        "-k", "device or every or functions or up_to_date",
    )  # fmt: skip
    for name in ANY_TYPE:
        assert f"tests/unit/{name}::" in told
    assert told.count("[device") + told.count("maas_device") > 15

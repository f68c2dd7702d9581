"""What stands in several files of the repository says the same everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
SALTS = re.search(r"^SALTS +:= (.*)$", MAKEFILE, re.M).group(1).split()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
PYTHONS = {"3.10", "3.11", "3.12", "3.13"}


def workflow(name: str) -> dict:
    return yaml.safe_load((REPOSITORY / ".github" / "workflows" / f"{name}.yml").read_text())


def runs(name: str) -> list[str]:
    """The commands of a workflow."""
    jobs = workflow(name)["jobs"].values()
    return [step["run"] for job in jobs for step in job.get("steps", ()) if "run" in step]


def test_the_workflow_takes_each_salt_through_each_python():
    jobs = workflow("test")["jobs"]["test"]["strategy"]["matrix"]["include"]
    assert {(job["salt"], job["python"]) for job in jobs} == {
        (salt, python) for salt in SALTS for python in PYTHONS
    }
    words = {word for job in jobs for word in job["target"].split()}
    assert {word for word in words if "=" not in word} <= TARGETS


@pytest.mark.parametrize("name", ["test", "release"])
def test_workflows_run_make_targets_that_exist(name):
    commands = runs(name)
    assert commands
    named = {found for one in commands for found in re.findall(r"\bmake ([a-z][a-z-]*)", one)}
    assert named <= TARGETS


def test_each_salt_has_its_exact_versions():
    files = {path.name for path in (REPOSITORY / "requirements").glob("salt-*.txt")}
    assert files == {f"salt-{salt}.txt" for salt in SALTS}
    for salt in SALTS:
        assert f"\nsalt=={salt}\n" in (REPOSITORY / "requirements" / f"salt-{salt}.txt").read_text()


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/versions.md", "Makefile",
                                  ".github/pull_request_template.md"])  # fmt: skip
def test_no_page_names_another_salt(page):
    named = set(re.findall(r"\b300[0-9]\.[0-9]+\b", (REPOSITORY / page).read_text()))
    assert named
    assert named <= set(SALTS)


def test_changelog_fragments_can_be_built():
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kinds = {"breaking", "removed", "deprecated", "changed", "fixed", "added", "security"}
    for path in (REPOSITORY / "changelog").glob("[!.]*"):
        number, kind, suffix = path.name.split(".")
        assert number.isdecimal() or number.startswith("+"), path.name
        assert (kind in kinds, suffix) == (True, "md"), path.name
    assert "<!-- towncrier: releases start here -->\n" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_notes_are_the_section_of_a_release(tmp_path):
    (tmp_path / "CHANGELOG.md").write_text(
        "# C\n\n## [0.2.0] - x\n\nnew\n\n## [0.1.0] - y\n\nold\n"
    )
    command = ["make", "-s", "-C", str(tmp_path), "-f", str(REPOSITORY / "Makefile"), "notes"]
    told = subprocess.run([*command, "VERSION=0.2.0"], capture_output=True, text=True, timeout=60)
    assert told.stdout.strip() == "new"

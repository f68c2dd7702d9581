"""Known vulnerabilities are found in a folder of advisories."""

from __future__ import annotations

import pytest
import yaml
from support.loader import load

RANGES = [{"type": "ECOSYSTEM", "events": [
    {"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"last_affected": "2.1"},
    {"introduced": "3.0rc1"},
]}]  # fmt: skip


@pytest.fixture
def advisories(tmp_path):
    def write(package, name, **values):
        path = tmp_path / "vulns" / package / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"id": name, **values}))

    write("some-package", "PYSEC-1", affected=[{"ranges": RANGES}], aliases=["CVE-1"])
    write("other", "PYSEC-2", affected=[{"versions": ["1.0"]}])
    write("other", "PYSEC-3", affected=[{"versions": ["1.1"]}], withdrawn="2026-01-01T00:00:00Z")
    return tmp_path


@pytest.mark.parametrize(("lines", "found"), [
    ("Some_Package==1.1", ["PYSEC-1"]), ("some.package==1.2", []), ("some-package==1.9", []),
    ("some-package==2.1 ; python_version < '3.11'", ["PYSEC-1"]), ("some-package==2.2", []),
    ("some-package==3.0", ["PYSEC-1"]), ("other==1.0\nsome-package==0.1", ["PYSEC-1", "PYSEC-2"]),
    ("other==1.1\nunknown==1", []), ("# none\n", []),
])  # fmt: skip
def test_versions_that_advisories_name(advisories, capsys, lines, found):
    file = advisories / "pinned.txt"
    file.write_text(lines)
    status = load("tools/audit.py").main(str(advisories), str(file))
    said = capsys.readouterr().out
    assert [one for one in ("PYSEC-1", "PYSEC-2", "PYSEC-3") if one in said] == found
    assert status == bool(found)


def test_a_folder_without_advisories_is_no_clean_bill(tmp_path, capsys):
    assert load("tools/audit.py").main(str(tmp_path)) == 2
    assert "has no advisories in vulns/" in capsys.readouterr().err

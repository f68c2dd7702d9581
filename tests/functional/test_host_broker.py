"""RabbitMQ's own users and passwords, with a real RabbitMQ where one is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
from saltext.maas.host import broker
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    """A RabbitMQ of our own on this host; returns the folder that is its home."""
    missing = [name for name in ("rabbitmq-server", "rabbitmqctl", "erl") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    folder = tmp_path_factory.mktemp("rabbit")
    for name in ("home", "mnesia", "log"):
        (folder / name).mkdir()
    values = {
        "HOME": folder / "home",
        "RABBITMQ_NODENAME": "saltextmaas@localhost",
        "RABBITMQ_MNESIA_BASE": folder / "mnesia",
        "RABBITMQ_LOG_BASE": folder / "log",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": free_port(),
        "RABBITMQ_DIST_PORT": free_port(),
        "RABBITMQ_PID_FILE": folder / "pid",
        "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
        "RABBITMQ_CONFIG_FILE": folder / "none",
        "RABBITMQ_CONF_ENV_FILE": folder / "env",
        "ERL_EPMD_PORT": free_port(),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    environment = {**os.environ, **{name: str(value) for name, value in values.items()}}
    names = shutil.which("epmd")
    started = [subprocess.Popen([names], env=environment)] if names else []
    with open(folder / "out", "wb") as out:
        server = subprocess.Popen(
            ["rabbitmq-server"], env=environment, stdout=out, stderr=out, start_new_session=True
        )
    control = ["rabbitmqctl", "-q", "add_user", "maas_workers", "first"]
    try:
        deadline = time.monotonic() + 90
        while subprocess.run(control, env=environment, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, (folder / "out").read_text()[-2000:]
            time.sleep(1)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("ERL_EPMD_PORT", "ERL_EPMD_ADDRESS"):
                patch.setenv(name, environment[name])
            patch.setattr(broker, "_HOME", str(folder / "home"))
            patch.setattr(broker, "node", lambda installation: "saltextmaas@localhost")
            yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        for one in started:
            one.kill()
            one.wait()


def test_a_password_is_checked_and_changed(rabbit):
    installation = Installation(Release("1.5.4"), "deb", frozenset({"region"}), "/", False)
    assert broker.accepts(installation, "maas_workers", "first")
    assert not broker.accepts(installation, "maas_workers", "other")
    broker.set_password(installation, "maas_workers", "second")
    assert broker.accepts(installation, "maas_workers", "second")
    assert not broker.accepts(installation, "maas_workers", "first")
    with pytest.raises(HostError, match="user nobody: no such user"):
        broker.set_password(installation, "nobody", "x")

"""What a region's settings may be, and the small parsers around them."""

from __future__ import annotations

import pytest
from saltext.maas.host import broker, debconf, formats, host_settings
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.host.snap import uri
from saltext.maas.release import Release


def installation(release, root="/nowhere", kind="deb"):
    return Installation(Release(release), kind, frozenset({"region"}), root)


@pytest.mark.parametrize(
    ("release", "has", "lacks"),
    [
        ("1.6", {"broker_host", "debug", "database_port"}, {"num_workers"}),
        ("1.7", {"debug", "database_port"}, {"broker_host", "num_workers"}),
        ("1.9", {"database_host"}, {"debug", "database_port", "broker_host"}),
        ("2.1", {"database_port"}, {"debug"}),
        ("2.4", {"debug", "debug_http", "num_workers"}, {"broadcast_address"}),
        ("3.5", {"broadcast_address"}, {"broker_host"}),
    ],
)
def test_settings_follow_the_release(release, has, lacks):
    found = set(host_settings.available(installation(release)))
    assert has <= found
    assert not lacks & found


@pytest.mark.parametrize("value", ["", "db.example.com", "192.0.2.1", "2001:db8::1", "/var/run/pg"])
def test_database_hosts(value):
    if value:
        assert (
            host_settings.desired(installation("3.7"), {"database_host": value})["database_host"]
            == value
        )
    else:
        with pytest.raises(HostError):
            host_settings.desired(installation("3.7"), {"database_host": value})


def test_settings_of_the_pillar():
    result = host_settings.described(
        {
            "url": "u",
            "database": {"host": "h", "port": None},
            "broker": {"host": "b"},
            "debug": False,
        }
    )
    assert result == {"url": "u", "database_host": "h", "broker_host": "b", "debug": 0}


@pytest.mark.parametrize(
    ("text", "node"),
    [
        (None, None),
        ("NODENAME=bunny\n", "bunny"),
        ("export RABBITMQ_NODENAME='rabbit@one'\n# NODENAME=no\n", "rabbit@one"),
    ],
)
def test_the_name_of_rabbitmqs_node(tmp_path, text, node):
    if text:
        (tmp_path / "etc/rabbitmq").mkdir(parents=True)
        (tmp_path / "etc/rabbitmq/rabbitmq-env.conf").write_text(text)
    result = broker.node(installation("1.5", str(tmp_path)))
    assert result.startswith(node or "rabbit@")
    assert "@" in result


LONGPOLL = """\
frontend:
  port: 5242
broker:
  # password: "old"
  host: "localhost"
  password: "abc"  # ours

logfile: "/var/log/x"
"""


def test_txlongpoll_keeps_all_the_rest():
    new = formats.longpoll_update(LONGPOLL, {"broker_longpoll_password": "new1"})
    assert new == LONGPOLL.replace('password: "abc"  # ours', 'password: "new1"')
    without = LONGPOLL.replace('  password: "abc"  # ours\n', "")
    assert formats.longpoll_read(
        formats.longpoll_update(without, {"broker_longpoll_password": "new1"})
    ) == {"broker_host": "localhost", "broker_longpoll_password": "new1"}
    with pytest.raises(HostError, match="no section broker"):
        formats.longpoll_update("a: 1\n", {"broker_host": "x"})


def test_broker_url_keeps_port_and_virtual_host():
    text = "# x\nBROKER_URL = 'amqp://maas_workers:abc@192.0.2.1:5672//maas_workers'\nA = 1\n"
    new = formats.broker_url_update(text, {"broker_workers_host": "2001:db8::1"})
    assert "abc@[2001:db8::1]:5672//maas_workers'" in new
    assert formats.broker_url_read(new)["broker_workers_host"] == "2001:db8::1"
    with pytest.raises(HostError, match="no BROKER_URL"):
        formats.broker_url_update("A = 1\n", {"broker_workers_host": "x"})


@pytest.mark.parametrize(
    ("answer", "trap"),
    [("192.0.2.1", None), ("maas-1.example.com", None), ("[2001:db8::1]", None), ("", "no host"),
     ("192.0.2.1:5240", "a port"), ("[2001:db8::1]:5240", "a port"),
     ("http://h/MAAS", "a URL")],
)  # fmt: skip
def test_traps_of_debconfs_host(answer, trap):
    result = debconf.trap(installation("2.9"), answer)
    assert (result is None) if trap is None else (trap in result)


def test_the_databases_uri_hides_nothing_in_its_syntax():
    extensions = pytest.importorskip("psycopg2.extensions", reason="psycopg2 is not installed")
    want = {
        "database_user": "us/er", "database_password": "p@:/? #%ü", "database_host": "/var/run/pg",
        "database_name": "maas db", "database_port": 6432,
    }  # fmt: skip
    result = extensions.parse_dsn(uri(want))
    assert uri(want).startswith("postgres://")
    assert result == {
        "user": "us/er", "password": "p@:/? #%ü", "host": "/var/run/pg", "dbname": "maas db",
        "port": "6432",
    }  # fmt: skip
    assert extensions.parse_dsn(uri({**want, "database_host": "::1"}))["host"] == "::1"

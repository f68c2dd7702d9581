"""RabbitMQ's part in a change of a 1.5 or 1.6 region."""

from __future__ import annotations

from urllib.parse import urlsplit

from saltext.maas.host import broker
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN
from saltext.maas.region_url import is_loopback

#: The field of a change for a user of RabbitMQ.
FIELD = "rabbitmq user {}"


def workers_host(values: dict) -> str:
    """Where clusters reach the broker: on the region host, unless it runs elsewhere."""
    if is_loopback(values["broker_host"]):
        return urlsplit(values["url"]).hostname or "localhost"
    return values["broker_host"]


def plan(installation: Installation, want: dict, values: dict) -> dict:
    """Which of RabbitMQ's users get another password.

    Args:
        installation: The region's host.
        want: Settings that somebody wants.
        values: All settings as they are going to be.

    Returns:
        ``{"changes": {"rabbitmq user NAME": {"old", "new"}}, "warnings": [text]}``.

    Raises:
        HostError: RabbitMQ cannot be asked.
    """
    given = [name for name in broker.USERS if name in want]
    if not given:
        return {"changes": {}, "warnings": []}
    if not is_loopback(values["broker_host"]):
        users = " and ".join(broker.USERS[name] for name in given)
        where = values["broker_host"]
        told = f"RabbitMQ runs on {where}: give its users {users} the passwords there."
        return {"changes": {}, "warnings": [told]}
    wrong = [
        broker.USERS[name]
        for name in given
        if not broker.accepts(installation, broker.USERS[name], want[name])
    ]
    warnings = [
        "Every upgrade or dpkg-reconfigure of maas-region-controller makes up new RabbitMQ "
        "passwords; run this again after one."
    ]
    if broker.USERS["broker_workers_password"] in wrong:
        warnings.append(
            "Clusters keep the old password until maas-cluster-celery restarts on each of them."
        )
    changes = {FIELD.format(user): {"old": HIDDEN, "new": HIDDEN} for user in wrong}
    return {"changes": changes, "warnings": warnings}


def mend(installation: Installation, values: dict) -> bool:
    """Give RabbitMQ's users the passwords that the files have.

    Args:
        installation: The region's host.
        values: The files' settings.

    Returns:
        Whether one had another.

    Raises:
        HostError: RabbitMQ cannot be asked.
    """
    if "broker_host" not in values or not is_loopback(values["broker_host"]):
        return False
    wrong = {
        user: values[name]
        for name, user in broker.USERS.items()
        if values[name] and not broker.accepts(installation, user, values[name])
    }
    for user, password in wrong.items():
        broker.set_password(installation, user, password)
    return bool(wrong)

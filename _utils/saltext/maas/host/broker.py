"""RabbitMQ of a 1.5 or 1.6 region: do its users have the passwords that MAAS's files have?

``rabbitmqctl`` of that time takes a password as an argument only, which everyone
on the host could read.  So the broker is asked the way ``rabbitmqctl`` asks it, by
Erlang's own ``erl``, which reads user and password from its standard input.
"""

from __future__ import annotations

import os
import re
import socket
from urllib.parse import urlsplit

from saltext.maas.host import files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN
from saltext.maas.region_url import is_loopback

#: Who logs in with which setting.
USERS = {
    "broker_longpoll_password": "maas_longpoll",
    "broker_workers_password": "maas_workers",
}
#: The field of a change for a user of RabbitMQ.
FIELD = "rabbitmq user {}"
_HOME = "var/lib/rabbitmq"  # where the broker's cookie is
_NODE = re.compile(r"^\s*(?:export\s+)?(?:RABBITMQ_)?NODENAME=[\"']?([^\s\"'#]+)", re.MULTILINE)
# From 3.6 on changing a password takes the name of who does it, too.
PROGRAM = """\
R = fun() -> string:strip(io:get_line(""), right, $\\n) end,
N = list_to_atom(R()), V = R(), U = list_to_binary(R()), P = list_to_binary(R()),
M = rabbit_auth_backend_internal,
A = case {V, rpc:call(N, erlang, function_exported, [M, change_password, 2])} of
 {"check", _} -> rpc:call(N, rabbit_access_control, check_user_pass_login, [U, P]);
 {_, true} -> rpc:call(N, M, change_password, [U, P]);
 {_, false} -> rpc:call(N, M, change_password, [U, P, <<"saltext.maas">>]);
 {_, D} -> D end,
io:put_chars(case A of ok -> "ok"; {ok, _} -> "ok"; {refused, _, _, _} -> "refused";
 {refused, _, _} -> "refused"; {error, {no_such_user, _}} -> "no such user";
 {badrpc, nodedown} -> "it does not run"; _ -> "failed" end), halt().
"""


def node(installation: Installation) -> str:
    """Name of the broker's Erlang node on this host, such as ``rabbit@region``."""
    text = files.read(os.path.join(installation.root, "etc/rabbitmq/rabbitmq-env.conf")) or ""
    found = _NODE.findall(text)
    host = socket.gethostname().partition(".")[0]
    name = found[-1] if found else "rabbit"
    return name if "@" in name else f"{name}@{host}"


def _ask(installation, verb, user, password):
    name = node(installation)
    ours = f"saltextmaas{os.getpid()}@{name.partition('@')[2]}"
    flag = "-name" if "." in name.partition("@")[2] else "-sname"
    argv = ["erl", "-noshell", "-hidden", flag, ours, "-eval", PROGRAM]
    return installation.check(
        argv,
        stdin="\n".join([name, verb, user, password, ""]),
        timeout=60,
        hide=[password],
        env={"HOME": os.path.join(installation.root, _HOME)},
    ).strip()


def accepts(installation: Installation, user: str, password: str) -> bool:
    """Whether the broker on this host takes a user with a password.

    Raises:
        HostError: It does not run, or ``erl`` is missing or failed.
    """
    answer = _ask(installation, "check", user, password)
    if answer not in ("ok", "refused"):
        raise HostError(f"RabbitMQ cannot be asked for its user {user}: {answer}.")
    return answer == "ok"


def set_password(installation: Installation, user: str, password: str) -> None:
    """Give a user of the broker on this host another password.

    Raises:
        HostError: It does not run, has no such user, or ``erl`` is missing or failed.
    """
    answer = _ask(installation, "set", user, password)
    if answer != "ok":
        raise HostError(f"RabbitMQ did not take the password of its user {user}: {answer}.")


def workers_host(values: dict) -> str:
    """Return where clusters reach RabbitMQ: on the region host, unless it runs elsewhere."""
    if is_loopback(values["broker_host"]):
        return urlsplit(values["url"]).hostname or "localhost"
    return values["broker_host"]


def refused(installation: Installation, values: dict, names=tuple(USERS)) -> dict[str, str]:
    """Return which of RabbitMQ's users on this host do not have the passwords of these settings.

    Returns:
        ``{setting: user}``; empty where RabbitMQ runs on another host.

    Raises:
        HostError: RabbitMQ cannot be asked.
    """
    if "broker_host" not in values or not is_loopback(values["broker_host"]):
        return {}
    return {
        name: USERS[name]
        for name in names
        if values[name] and not accepts(installation, USERS[name], values[name])
    }


def plan(installation: Installation, want: dict, values: dict) -> dict:
    """Return which of RabbitMQ's users get another password.

    Args:
        want: Settings that somebody gives.
        values: All settings as they are going to be.

    Returns:
        ``{"changes": {"rabbitmq user NAME": {"old", "new"}}, "warnings": [text]}``.

    Raises:
        HostError: RabbitMQ cannot be asked.
    """
    given = [name for name in USERS if name in want]
    if not given:
        return {"changes": {}, "warnings": []}
    if not is_loopback(values["broker_host"]):
        users = " and ".join(USERS[name] for name in given)
        where = values["broker_host"]
        text = f"RabbitMQ runs on {where}: give its users {users} the passwords there."
        return {"changes": {}, "warnings": [text]}
    wrong = refused(installation, values, given)
    warnings = [
        "Every upgrade or dpkg-reconfigure of maas-region-controller makes up new RabbitMQ "
        "passwords; run this again after one."
    ]
    if "broker_workers_password" in wrong:
        warnings.append(
            "Clusters keep the old password until maas-cluster-celery restarts on each of them."
        )
    changes = {FIELD.format(user): {"old": HIDDEN, "new": HIDDEN} for user in wrong.values()}
    return {"changes": changes, "warnings": warnings}


def mend(installation: Installation, values: dict) -> bool:
    """Give RabbitMQ's users the passwords that the files have.

    Args:
        values: The files' settings.

    Returns:
        Whether one had another.

    Raises:
        HostError: RabbitMQ cannot be asked.
    """
    wrong = refused(installation, values)
    for name, user in wrong.items():
        set_password(installation, user, values[name])
    return bool(wrong)

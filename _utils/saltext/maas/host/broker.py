"""RabbitMQ of a 1.5 or 1.6 region: do its users have the passwords that MAAS's files say?

``rabbitmqctl`` of that time takes a password as an argument only, which everyone
on the host could read.  So the broker is asked the way ``rabbitmqctl`` asks it, by
Erlang's own ``erl``, which reads user and password from its standard input.
"""

from __future__ import annotations

import os
import re
import socket

from saltext.maas.host import files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

#: Who logs in with which setting.
USERS = {
    "broker_longpoll_password": "maas_longpoll",
    "broker_workers_password": "maas_workers",
}
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
    told = _ask(installation, "check", user, password)
    if told not in ("ok", "refused"):
        raise HostError(f"RabbitMQ cannot be asked for its user {user}: {told}.")
    return told == "ok"


def set_password(installation: Installation, user: str, password: str) -> None:
    """Give a user of the broker on this host another password.

    Raises:
        HostError: It does not run, has no such user, or ``erl`` is missing or failed.
    """
    told = _ask(installation, "set", user, password)
    if told != "ok":
        raise HostError(f"RabbitMQ did not take the password of its user {user}: {told}.")

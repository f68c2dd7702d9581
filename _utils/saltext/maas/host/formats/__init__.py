"""The syntaxes of MAAS's configuration files: change a value, keep all the rest.

Each ``..._read`` takes a file's text, or None for none, and each ``..._update`` or ``..._set``
returns the new one. ``name`` is the file's, for messages.
"""

from saltext.maas.host.formats.python_files import (
    broker_url_read,
    broker_url_update,
    celery_set_uuid,
    celery_uuid,
    python_read,
    python_update,
)
from saltext.maas.host.formats.shell import shell_read, shell_set
from saltext.maas.host.formats.yaml_files import (
    longpoll_read,
    longpoll_update,
    pserv_generator,
    pserv_set,
    pserv_set_generator,
    pserv_value,
    yaml_read,
    yaml_update,
)

__all__ = [
    "broker_url_read",
    "broker_url_update",
    "celery_set_uuid",
    "celery_uuid",
    "longpoll_read",
    "longpoll_update",
    "pserv_generator",
    "pserv_set",
    "pserv_set_generator",
    "pserv_value",
    "python_read",
    "python_update",
    "shell_read",
    "shell_set",
    "yaml_read",
    "yaml_update",
]

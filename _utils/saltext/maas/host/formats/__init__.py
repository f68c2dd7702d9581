"""The syntaxes of MAAS's configuration files: change a value, keep all the rest."""

from saltext.maas.host.formats.broker import (
    broker_url_read,
    broker_url_update,
    longpoll_read,
    longpoll_update,
)
from saltext.maas.host.formats.celery import celery_set_uuid, celery_uuid
from saltext.maas.host.formats.django import python_read, python_update
from saltext.maas.host.formats.flat_yaml import yaml_read, yaml_update
from saltext.maas.host.formats.pserv import (
    pserv_generator,
    pserv_set,
    pserv_set_generator,
    pserv_value,
)
from saltext.maas.host.formats.shell import shell_read, shell_set

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

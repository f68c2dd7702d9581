"""The former name of :mod:`saltext.maas.state_helpers`, for the time being."""

from saltext.maas.state_helpers import *  # noqa: F403

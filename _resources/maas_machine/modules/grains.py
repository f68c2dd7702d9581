"""The execution module of this name, as regions that are Salt resources have it."""

from saltext.maas import resource_modules

resource_modules.load(globals(), "maas_region")

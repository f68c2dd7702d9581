# Everything that a region holds, without its host: for a region that is a Salt resource, or is
# reached by its API alone. All values come from the pillar.

maas region:
  maas_region.managed: []

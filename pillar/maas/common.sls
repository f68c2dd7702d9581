# What the region and its racks or clusters need. Secrets are sdb references: they are resolved on
# the minion that uses them, and are in no pillar, cache or log.
{%- set old = salt['grains.get']('maas:release', '3').startswith('1.') %}
include:
  - maas.site
  - maas.{{ 'clusters-1x' if old else 'racks-2x' }}

maas:
  region:
    shared_secret: sdb://maas_secrets/shared_secret

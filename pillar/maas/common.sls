# What the region and its clusters or racks need. Secrets are references: they are looked up on the
# minion that needs them and stand in no pillar, cache or log.
{%- set old = salt['grains.get']('maas:release', '3').startswith('1.') %}
include:
  - maas.site
  - maas.{{ 'clusters-1x' if old else 'racks-2x' }}

maas:
  region:
    shared_secret: sdb://maas_secrets/shared_secret

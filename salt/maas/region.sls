# A region host, and everything that its region holds. Where the region has several hosts, the first
# one applies what it holds. All values come from pillar `maas`.
{%- set hosts = salt['pillar.get']('maas:region:hosts', {}) %}
include:
  - maas.region_host
{%- if not hosts or grains.id == hosts | first %}

maas region:
  maas_region.managed:
    - require:
      - maas_region: maas shared secret
      - maas_region: maas administrator
{%- endif %}

# A region host with its first administrator: what onboarding of racks requires. All values come
# from pillar `maas`, so that no secret is in a rendered state. Where it has `install`, MAAS is
# installed first.
{%- set install = salt['pillar.get']('maas:install', {}) %}
{%- if install %}
include:
  - maas.install
{%- endif %}

maas pillar:
  maas_region.pillar_valid: []

maas region host:
  maas_region.configured:
    - require:
      - maas_region: maas pillar
      {%- if install %}
      - sls: maas.install
      {%- endif %}

maas shared secret:
  maas_region.secret_installed:
    - require:
      - maas_region: maas region host

maas administrator:
  maas_region.admin_present:
    - require:
      - maas_region: maas region host

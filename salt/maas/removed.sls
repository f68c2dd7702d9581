# MAAS removed from a host whose pillar has `maas:install:absent: true`. The region's database stays;
# so do configuration and data of packages, which are not purged.
{%- set found = salt['maas_install.installed']() %}

maas may be removed:
  maas_install.removable: []

{%- if found.kind == 'snap' %}

maas programs:
  maas_snap.absent:
    - name: maas
    - initialised: true
    - require:
      - maas_install: maas may be removed
{%- elif found.packages %}

maas programs are not held:
  pkg.unheld:
    - pkgs: {{ found.packages | list | json }}
    - require:
      - maas_install: maas may be removed
    - require_in:
      - pkg: maas programs

maas programs:
  pkg.removed:
    - pkgs: {{ found.packages | list | json }}
    - require:
      - maas_install: maas may be removed
{%- endif %}

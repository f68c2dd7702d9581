# What only the region host needs.
{%- set release = salt['grains.get']('maas:release', '3') %}
{%- set old = release.startswith('1.') %}
include:
  - maas.{{ 'networks-1x' if old else 'networks-2x' }}
{%- if not release.startswith('1.5') %}{# whose clusters select their images in a file #}
  - maas.{{ 'images-1x' if old else 'images-2x' }}
{%- endif %}

maas:
  region:
    is_cluster: false
    admin:
      username: admin
      email: admin@example.com
      password: sdb://maas_secrets/admin_password
  users:
    ops:
      email: ops@example.com
      password: sdb://maas_secrets/ops_password

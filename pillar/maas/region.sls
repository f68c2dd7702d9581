# What only the region host needs.
{%- set old = salt['grains.get']('maas:release', '3').startswith('1.') %}
include:
  - maas.{{ 'networks-1x' if old else 'networks-2x' }}
  - maas.{{ 'images-1x' if old else 'images-2x' }}

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

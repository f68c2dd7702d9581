# A region host, and everything that its region holds; all values come from pillar `maas`.
# No value stands here, so that no secret gets into a rendered state.

maas pillar:
  maas_region.pillar_valid: []

maas region host:
  maas_region.configured:
    - require:
      - maas_region: maas pillar

maas shared secret:
  maas_region.secret_installed:
    - require:
      - maas_region: maas region host

maas administrator:
  maas_region.admin_present:
    - require:
      - maas_region: maas region host

maas region:
  maas_region.managed:
    - require:
      - maas_region: maas shared secret
      - maas_region: maas administrator

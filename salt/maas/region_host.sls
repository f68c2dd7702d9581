# A region host with its first administrator: all that has to be before clusters are onboarded.
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

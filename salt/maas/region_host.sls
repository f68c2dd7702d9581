# A region host with its first administrator: what onboarding of racks requires. All values come
# from pillar `maas`, so that no secret is in a rendered state.

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

# A region host, and everything that its region holds. All values come from pillar `maas`.
include:
  - maas.region_host

maas region:
  maas_region.managed:
    - require:
      - maas_region: maas shared secret
      - maas_region: maas administrator

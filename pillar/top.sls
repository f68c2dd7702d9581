# Every MAAS minion gets the region's URL; only the region host gets the rest.
base:
  '*':
    - maas.common
  'maas:roles:region':
    - match: grain
    - maas.region

# Every MAAS minion learns where the region is; only the region host learns the rest.
base:
  '*':
    - maas.common
  'maas:roles:region':
    - match: grain
    - maas.region

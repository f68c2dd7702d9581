# Every minion that has MAAS gets what fits its role there.
base:
  'maas:installed:True':
    - match: grain
    - maas

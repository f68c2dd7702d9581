# Every minion that has MAAS gets the states of its roles.
base:
  'maas:installed:True':
    - match: grain
    - maas

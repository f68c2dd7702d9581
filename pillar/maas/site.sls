# What differs between sites. Edit this file first.
maas:
  region:
    url: http://192.0.2.10:5240/MAAS

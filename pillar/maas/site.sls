# What differs from one site to the next. Edit this file.
maas:
  region:
    url: http://192.0.2.10:5240/MAAS

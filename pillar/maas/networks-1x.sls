# Up to 1.10 the clusters' interfaces say it all; these are MAAS's own settings.
maas:
  settings:
    maas_name: example
    ntp_server: 192.0.2.123  # 1.5 takes an address only, later ones names too
    enable_third_party_drivers: false

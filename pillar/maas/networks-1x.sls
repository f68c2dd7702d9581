# Up to 1.10 the clusters' interfaces say it all; these are MAAS's own settings.
maas:
  settings:
    maas_name: example
    ntp_server: ntp.example.com
    enable_third_party_drivers: false

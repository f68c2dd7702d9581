# Up to 1.10 DHCP belongs to the clusters' interfaces, see clusters-1x.sls; these are MAAS's settings.
maas:
  settings:
    maas_name: example
    ntp_server: 192.0.2.123  # 1.5 accepts an address only, later releases also a name
    enable_third_party_drivers: false

# MAAS 2.0 and later: rack controllers; DHCP belongs to VLANs, see the region's pillar.
maas:
  racks:
    cluster-a:
      description: serves the management network
    cluster-b:
      description: stands by

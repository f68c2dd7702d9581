# MAAS 2.0 and later: rack controllers. Their DHCP belongs to VLANs, see networks-2x.sls.
maas:
  racks:
    cluster-a:
      description: serves the management network
    cluster-b:
      description: secondary on the management network

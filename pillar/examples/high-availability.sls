# A region with three hosts on one database, behind HAProxy and keepalived. MAAS 2.5 and later.
maas:
  region:
    url: http://192.0.2.10/MAAS          # the load balancer's address
    hosts:                               # by minion; the first one applies what the region holds
      region-1: {address: 192.0.2.11}
      region-2: {address: 192.0.2.12}
      region-3: {address: 192.0.2.13}
    database:                            # the same for all; not on localhost
      host: db.example.com
      name: maasdb
      user: maas
      password: sdb://maas_secrets/database_password
    load_balancer:
      address: 192.0.2.10
      prefix: 24
      interface: eth0
      password: sdb://maas_secrets/vrrp_password
  racks:
    rack-1:
      region_url: [http://192.0.2.11:5240/MAAS, http://192.0.2.12:5240/MAAS]   # or the load balancer
  settings:
    maas_name: example

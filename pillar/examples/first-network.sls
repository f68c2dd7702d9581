# A first network: a space, a fabric, a VLAN, a subnet with its ranges, and a domain with a name. MAAS 2.2 and later.
maas:
  spaces:
    starter:
  fabrics:
    starter:
      vlans:
        14: {name: starter-14, mtu: 1500, space: starter}
  subnets:
    10.88.0.0/24:
      name: starter
      vlan: starter/14
      gateway_ip: 10.88.0.1
      dns_servers: [192.0.2.53]
      ranges:
        - {type: reserved, start: 10.88.0.1, end: 10.88.0.50, comment: infrastructure}
        - {type: dynamic, start: 10.88.0.200, end: 10.88.0.254, comment: commissioning}
  domains:
    starter.example.com:
      ttl: 3600
      resources:
        gateway: {ip_addresses: [10.88.0.1]}
      records:
        - {name: router, rrtype: CNAME, rrdata: gateway.starter.example.com}

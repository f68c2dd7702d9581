# A bare host of Ubuntu 24.04 becomes a region with a rack of MAAS 3.7, from packages that stay at one
# version, with its first administrator and subnet: state.apply maas.region.
maas:
  release: '3.7'
  install:
    role: region+rack
    version: 1:3.7.1
    hold: true
  region:
    url: http://192.0.2.10:5240/MAAS
    admin:
      username: admin
      email: admin@example.com
      password: sdb://maas_secrets/admin_password
  subnets:
    192.0.2.0/24:
      name: machines
      gateway_ip: 192.0.2.1

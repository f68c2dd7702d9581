# Every region host of MAAS 3.7 from the snap, of the same revision, with a database on another host.
maas:
  release: '3.7'
  install:
    kind: snap
    role: region
    channel: 3.7/stable
    cohort: MSBBZFQxN0d0cVVGSkd2
    hold: true
  region:
    url: http://maas.example.com:5240/MAAS
    is_cluster: false
    database:
      host: db.example.com
      name: maasdb
      user: maas
      password: sdb://maas_secrets/database_password
  settings:
    maas_name: lakeside

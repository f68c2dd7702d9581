# The host of a cluster controller (1.x) or rack controller (2.0 and later).

maas cluster host:
  maas_cluster.configured: []

maas cluster enrolment:
  maas_cluster.registered:
    - require:
      - maas_cluster: maas cluster host

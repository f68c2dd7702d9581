# The host of a rack controller (2.0 and later) or cluster controller (1.x). All values come from
# pillar `maas`.

maas cluster host:
  maas_cluster.configured: []

maas cluster enrolment:
  maas_cluster.registered:
    - require:
      - maas_cluster: maas cluster host

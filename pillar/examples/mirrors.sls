# A region of MAAS 3.8 and later that imports from several sources: images of a mirror of your own where it
# has them, all others from Canonical, and a source of test images without signatures that is off.
maas:
  boot_sources:
    http://images.example.com/ephemeral-v3/stable:
      name: own mirror
      priority: 20
      selections:
        - {os: ubuntu, release: noble, arches: [amd64]}
    http://images.maas.io/ephemeral-v3/stable:
      name: MAAS Stable
      priority: 10
      selections:
        - {os: ubuntu, release: noble}
        - {os: ubuntu, release: jammy, arches: [amd64]}
    http://192.0.2.7/streams/v1/index.json:
      name: tests
      priority: 0
      enabled: false
  exclusive:
    boot_source: true
    boot_selection: true

# Boot images of two releases on a host of one's own (state.apply maas.mirror there), and a region
# that imports from it. MAAS 2.1 and later.
maas:
  mirror:
    folder: /srv/images
    releases: [jammy, noble]
    arches: [amd64]
    versions: 2
  boot_sources:
    http://images.example.com:8081/:
      keyring_filename: /usr/share/keyrings/ubuntu-cloudimage-keyring.gpg
      selections:
        - {os: ubuntu, release: jammy, arches: [amd64]}
        - {os: ubuntu, release: noble, arches: [amd64]}

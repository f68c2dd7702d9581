# MAAS onto a new host as its pillar says, and a backup of a region onto that. What the runner
# maas.restore takes is in pillar maas_restore: salt-run state.orchestrate orch.maas.restore
# pillar='{maas_restore: {minion: new-region, identity: /root/maas-backup.key}}'
{%- set given = salt['pillar.get']('maas_restore', {}) %}

maas on the new host:
  salt.state:
    - tgt: {{ given.minion | json }}
    - sls: maas.install

maas restore:
  salt.runner:
    - name: maas.restore
    {%- for key, value in given.items() %}
    - {{ key }}: {{ value | json }}
    {%- endfor %}
    - require:
      - salt: maas on the new host

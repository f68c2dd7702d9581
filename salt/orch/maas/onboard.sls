# Onboard a batch of racks or clusters; started by the runner maas. A rack that fails in a step is
# left out of the next one; the others continue. Add steps of your own between these, such as the
# installation of packages, but keep the order.
{%- set batch = salt['pillar.get']('maas_batch', '') %}
{%- set steps = [
      'sync', 'pillar', 'secret', 'configure', 'register', 'accept', 'dhcp', 'images', 'report'
    ] %}
{%- for step in steps %}

maas onboard {{ step }}:
  salt.runner:
    - name: maas.step
    - step: {{ step }}
    - batch: {{ batch | json }}
{%- if not loop.first %}
    - require:
      - salt: maas onboard {{ steps[loop.index0 - 1] }}
{%- endif %}
{%- endfor %}

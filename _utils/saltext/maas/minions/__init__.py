"""How a machine that MAAS deploys becomes a minion of the right master.

The region's minion makes a key pair for one deployment, has the master accept the public half, and
sends the private half with the user data.  At its first start the machine replaces it by a key of
its own, once; see :doc:`../machines-to-minions`.
"""

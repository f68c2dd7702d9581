"""A whole fleet from the master: onboarding, offboarding, status, rotation, moving.

``region_side`` runs on the region's minion, the rest in the master's runner.
"""

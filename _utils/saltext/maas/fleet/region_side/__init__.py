"""What a fleet needs of its region, for many clusters in one go; runs on the region's minion.

The execution module ``maas_fleet`` describes each function.  A collection of the region is read
once, however many clusters a call is for.
"""

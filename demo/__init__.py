"""The demonstration: a whole site on one machine, in one folder."""

"""The demonstration: a whole site on one host, in one folder."""

"""Sandbox hosts: folders that stand for MAAS hosts, with fake commands and daemons."""

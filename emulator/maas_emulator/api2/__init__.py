"""Handlers of API 2.0, by resource type."""

"""Handlers of API 1.0, by resource type."""

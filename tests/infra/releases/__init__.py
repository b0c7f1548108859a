"""Releases under the real engine."""

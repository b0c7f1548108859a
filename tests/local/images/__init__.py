"""Tests of what the local images are built from."""

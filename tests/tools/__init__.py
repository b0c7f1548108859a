"""Tests of the tool recipe."""

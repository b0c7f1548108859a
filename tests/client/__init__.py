"""Tests of the client library, against the real service where one is asked."""

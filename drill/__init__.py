"""Releases under load on the local cluster: what they lose, and how long a bad version lives."""

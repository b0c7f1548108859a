"""Drills of releases on the local cluster: real traffic, real versions, and versions that are bad on purpose."""

"""Fault drills: break something of the local stack for real, and see what monitoring makes of it."""

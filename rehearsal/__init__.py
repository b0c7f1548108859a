"""Rehearsals: any stack, applied on a throw-away control plane with a stand-in for the cloud."""

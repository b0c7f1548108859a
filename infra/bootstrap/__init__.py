"""What a stack on AWS needs before its first ``pulumi up``: a bucket for its state and a key for its secrets.

Nothing here imports Pulumi: this runs before Pulumi can.
"""

"""What a stack has on AWS: one component a file, composed in :mod:`infra.aws.foundation`."""

"""The Pulumi program of inferstack: settings in, a GPU inference platform out."""

"""What runs on the cluster, whichever it is."""

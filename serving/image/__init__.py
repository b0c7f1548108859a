"""What runs while the image is built; no part of the service."""

"""What the `local` stack's own images are built from: small contexts of a Dockerfile and what it adds."""

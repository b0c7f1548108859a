"""The client library: asks a service, and sends the bucket of a user instead of its name."""

"""A stand-in for the providers that need a cloud account: it answers the engine's protocol and reaches nothing."""

"""The release command: drives a release step by step, by evidence, and writes each step into the stack file."""

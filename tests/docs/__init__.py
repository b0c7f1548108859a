"""The documents' commands, run as they stand."""

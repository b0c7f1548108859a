"""One rule a file. A file defines RULE; policies/__main__.py lists it, or it does not count."""

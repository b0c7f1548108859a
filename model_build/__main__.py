"""Runs the command line."""

from model_build.cli import main

main()

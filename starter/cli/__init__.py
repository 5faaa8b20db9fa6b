"""The command line of contract.md 1: people, scripts and tests at one terminal."""

from starter.cli.app import main

__all__ = ["main"]

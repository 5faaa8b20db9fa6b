"""The sample catalogues shipped with the package: organisations and time limits."""

from importlib.resources import files


def read(name: str) -> str:
    """Read a shipped catalogue, such as `limits.csv`."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")

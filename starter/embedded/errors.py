"""What can keep the embedded stack from running, each named by its condition.

EmbeddedStackError
├── PortTakenError              a port the user chose is in use
├── StackAlreadyRunningError    another `whistle up` holds the data folder
├── StackNotRunningError        an address was asked for before the start or after the stop
├── PartNotStartedError         a part ended, or was not ready in time
├── ProgramMissingError         a wheel or its program is not installed
├── NoUnprivilegedAccountError  root, and nobody to drop to
├── UnsafeFolderError           a folder that must be ours belongs to somebody else
├── PasswordsLostError          the cluster is there, its passwords are not
├── ClusterMissingError         the data folder was moved, its cluster was not
└── ClusterVersionError         the cluster was made by another PostgreSQL version
"""

from pathlib import Path


class EmbeddedStackError(Exception):
    """Any reason why the embedded stack cannot run."""


class PortTakenError(EmbeddedStackError):
    """A port that the user chose is in use by somebody else."""

    def __init__(self, variable: str, port: int) -> None:
        """Name the variable that chose the port."""
        super().__init__(f"{variable}={port}: port {port} of 127.0.0.1 is taken; choose another or leave it unset")
        self.variable = variable
        self.port = port


class StackAlreadyRunningError(EmbeddedStackError):
    """Another `whistle up` holds this data folder."""

    def __init__(self, data_dir: Path, pid: str) -> None:
        """Name the folder and the process that holds it."""
        super().__init__(f"a stack already runs on {data_dir} (process {pid}); stop it or set WHISTLE_DATA_DIR")
        self.data_dir = data_dir
        self.pid = pid


class StackNotRunningError(EmbeddedStackError):
    """An address was asked for while nothing runs."""

    def __init__(self, data_dir: Path) -> None:
        """Name the data folder."""
        super().__init__(f"no stack runs on {data_dir}")
        self.data_dir = data_dir


class PartNotStartedError(EmbeddedStackError):
    """A part ended while starting, or was not ready in time."""

    def __init__(self, part: str, reason: str, log: Path) -> None:
        """Name the part, what happened and where its log lies."""
        super().__init__(f"{part} did not start: {reason} (log: {log})")
        self.part = part
        self.reason = reason
        self.log = log


class ProgramMissingError(EmbeddedStackError):
    """A wheel that the stack runs from is not installed."""

    def __init__(self, package: str, program: Path | None) -> None:
        """Name the package and the program that it should have brought."""
        super().__init__(f"{program or 'its program'} is missing: install the package {package} (make setup)")
        self.package = package


class NoUnprivilegedAccountError(EmbeddedStackError):
    """PostgreSQL refuses to run as root, and there is nobody to drop to."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Name the accounts that were looked for."""
        super().__init__(f"PostgreSQL cannot run as root and none of the accounts {', '.join(names)} exists")
        self.names = names


class UnsafeFolderError(EmbeddedStackError):
    """A folder in a shared place exists already and belongs to somebody else."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        super().__init__(f"{folder} exists and is not ours; remove it")
        self.folder = folder


class PasswordsLostError(EmbeddedStackError):
    """The cluster exists, but the file with its passwords does not."""

    def __init__(self, cluster: Path, passwords: Path) -> None:
        """Name the cluster and the missing file."""
        super().__init__(f"{passwords} is gone, but {cluster} still holds a database: restore it or move that away")
        self.cluster = cluster
        self.passwords = passwords


class ClusterMissingError(EmbeddedStackError):
    """The data folder was moved or copied, but its cluster lies outside of it."""

    def __init__(self, expected: Path, recorded: Path) -> None:
        """Name where the cluster should be and where it is."""
        super().__init__(
            f"the database of this data folder lies in {recorded}: stop its stack and move it to {expected}"
        )
        self.expected = expected
        self.recorded = recorded


class ClusterVersionError(EmbeddedStackError):
    """The cluster was made by another major version of PostgreSQL."""

    def __init__(self, cluster: Path, found: str, installed: str) -> None:
        """Name both versions."""
        super().__init__(f"{cluster} was made by PostgreSQL {found}, installed is {installed}: dump and restore it")
        self.cluster = cluster
        self.found = found
        self.installed = installed

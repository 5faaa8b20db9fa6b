"""What can be wrong with keys and encrypted payloads, each named by its condition.

SettingsInvalidError
└── PayloadKeysInvalidError     the key ring makes no sense, or others may read it
    └── CipherUnavailableError  OpenSSL, as installed here, lacks a cipher of the ring
PayloadUnreadableError          a payload cannot be decrypted here
├── PayloadKeyMissingError      its key is not in the ring
├── PayloadTamperedError        it is not what was encrypted, or another key was put under the same name
└── PayloadMisplacedError       it was encrypted for another workflow

None of them is an ApplicationError: in a workflow they fail the task, which is tried again, and never the whistle.
"""

from settings import SettingsInvalidError


class PayloadKeysInvalidError(SettingsInvalidError):
    """The key ring cannot be used; the text says where it is and what is wrong, and quotes nothing of it."""

    def __init__(self, where: str, *faults: str) -> None:
        """Name the variable or the file."""
        super().__init__([f"{where}: {'; '.join(faults)}"])


class CipherUnavailableError(PayloadKeysInvalidError):
    """The cipher of a key is not in the OpenSSL that Python's cryptography was built with."""


class PayloadUnreadableError(Exception):
    """A payload cannot be decrypted here."""


class PayloadKeyMissingError(PayloadUnreadableError):
    """The key that a payload was encrypted with is not in the ring of this process."""

    def __init__(self, key_id: str, known: tuple[str, ...]) -> None:
        """Name the key, and those there are."""
        held = f"the key ring holds {', '.join(known)}" if known else "this process has no payload keys"
        super().__init__(f"a payload is encrypted with the key {key_id}, but {held}: give it that key, then it goes on")
        self.key_id = key_id


class PayloadTamperedError(PayloadUnreadableError):
    """A payload was changed after it was encrypted, or its key's name stands for another key here."""

    def __init__(self, key_id: str) -> None:
        """Name the key it claims."""
        super().__init__(
            f"a payload does not match the key {key_id}: it was changed, or that name means another key here"
        )
        self.key_id = key_id


class PayloadMisplacedError(PayloadUnreadableError):
    """A payload was taken from the workflow that it was encrypted for and put into another."""

    def __init__(self, belongs_to: str, found_in: str) -> None:
        """Name both workflows."""
        super().__init__(f"a payload of the workflow {belongs_to} was found in {found_in}")

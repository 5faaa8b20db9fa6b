"""How a log names who acted: a key by its name; a person who came with a token of the issuer is named by no log."""

TOKEN_PREFIX = "oidc:"  # noqa: S105 - a prefix of subjects
A_TOKEN = "a token"  # noqa: S105


def shown_subject(subject: str) -> str:
    """Give the name of a key as it is, and of a token's subject only that it is one: the audit trail tells who."""
    return A_TOKEN if subject.startswith(TOKEN_PREFIX) else subject

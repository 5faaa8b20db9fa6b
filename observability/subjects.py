"""How a log names what a workflow is about, and who acted: a key by its name, a person who came with a token never."""

TOKEN_PREFIX = "oidc:"  # noqa: S105 - a prefix of subjects
"""Another name space than that of keys: whoever may choose a subject must not become `platform`."""
A_TOKEN = "a token"  # noqa: S105
WHISTLE = "whistle:"
"""How the id of a whistle's workflow begins."""


def shown_subject(subject: str) -> str:
    """Give the name of a key as it is, and of a token's subject only that it is one: the audit trail tells who."""
    return A_TOKEN if subject.startswith(TOKEN_PREFIX) else subject


def whistle_id_in(workflow_id: str | None) -> str | None:
    """Give the whistle of a workflow; None where it is none's."""
    return workflow_id.removeprefix(WHISTLE) if workflow_id and workflow_id.startswith(WHISTLE) else None

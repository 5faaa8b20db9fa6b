"""Every patch that is open stands in one list, with the release that brought it and how far its removal is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "patches.md"
CALLS = {"patched": "open", "deprecate_patch": "deprecated"}
ROW = re.compile(r"^\| `(?P<id>[a-z0-9-]+)` \| (?P<since>\d+\.\d+\.\d+) \| (?P<stage>open|deprecated) \| .+ \|$")


def called(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Name each patch that a module asks for, and its stage."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            told = node.args[0] if node.args else None
            assert isinstance(told, ast.Constant), "a patch is named where it is asked for, by a literal"
            yield str(told.value), CALLS[node.func.attr]


def in_the_code() -> dict[str, str]:
    """Collect the patches of the workflows."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "workflows").rglob("*.py")]
    return dict(pair for tree in trees for pair in called(tree))


def in_the_list() -> dict[str, str]:
    """Collect the patches of the page."""
    rows = map(ROW.match, PAGE.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["stage"] for row in rows if row}


def test_the_list_of_open_patches_is_the_code():
    """Who adds, deprecates or removes a patch writes it down."""
    assert in_the_code() == in_the_list(), "docs/reference/patches.md and workflows/ name other patches"


def test_a_patch_in_the_code_is_found():
    """The net holds."""
    tree = ast.parse('if workflow.patched("timer-first"):\n    workflow.deprecate_patch("old-way")')
    assert dict(called(tree)) == {"timer-first": "open", "old-way": "deprecated"}
    assert ROW.match("| `timer-first` | 0.2.0 | open | the timer before the search attributes |")


def test_only_workflows_know_patches():
    """What replay runs in the domain changes by the data of events, not by a patch."""
    rooms = [file for room in ("domain", "activities", "storage", "starter") for file in (ROOT / room).rglob("*.py")]
    assert not [str(file) for file in rooms if list(called(ast.parse(file.read_text(encoding="utf-8"))))]

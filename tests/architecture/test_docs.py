"""Generated pages are true, and the pages a newcomer opens name what exists."""

import re
from pathlib import Path

from docs.generate_lifecycle import PAGE, page
from docs.generate_metrics import PAGE as METRICS_PAGE
from docs.generate_metrics import page as metrics_page
from docs.generate_reference import (
    COMMANDS_PAGE,
    EVENTS_PAGE,
    NOTICES_PAGE,
    commands_page,
    events_page,
    notices_page,
)

ROOT = Path(__file__).parents[2]


def test_the_lifecycle_page_is_the_table_of_moves():
    """Run `make docs` when this fails."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_reference_pages_are_the_models():
    """Run `make docs` when this fails."""
    assert COMMANDS_PAGE.read_text(encoding="utf-8") == commands_page()
    assert EVENTS_PAGE.read_text(encoding="utf-8") == events_page()
    assert NOTICES_PAGE.read_text(encoding="utf-8") == notices_page()


def test_the_metrics_page_is_what_the_processes_register():
    """Run `make docs` when this fails."""
    assert METRICS_PAGE.read_text(encoding="utf-8") == metrics_page()


def test_every_link_between_pages_leads_somewhere():
    """Relative links in the Markdown pages."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for source in pages:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", source.read_text(encoding="utf-8")):
            assert (source.parent / target).exists(), f"{source.name}: {target}"


def test_the_readme_names_the_two_commands():
    """What it is, two commands, a picture."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text

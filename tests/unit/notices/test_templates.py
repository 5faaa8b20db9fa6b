"""Templates: anyone may change the words, and nobody can break a notice by it."""

from pathlib import Path

import pytest

import catalogues
from activities.templates import FILE, TemplateShelf
from domain.notice_templates import FIELDS, NAMES, Template, TemplatesInvalidError, parse_templates

SHIPPED = catalogues.read("notice_templates.toml")


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_template_is_filled_by_the_known_fields(name: str):
    """No brace is left, in any part."""
    rendered = parse_templates(SHIPPED).render(name, FIELDS)
    for part in (rendered.subject, rendered.text, rendered.short):
        assert part
        assert "{" not in part


def test_calls_name_the_deadline_the_place_and_the_link():
    """What somebody needs to come."""
    text = parse_templates(SHIPPED).render("assemble", FIELDS).text
    assert all(FIELDS[field] in text for field in ("deadline", "place", "link", "responder"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("{deadline}", "{dedline}"), "there is no field {dedline}"),
        (("{deadline}", "{deadline.year}"), "there is no field {deadline.year}"),
        (("{deadline}", "{deadline!r}"), "{deadline} takes no format"),
        (("{deadline}", "{deadline:>9}"), "{deadline} takes no format"),
        (("{deadline}", "{deadline"), "[review]"),
        (("[review]", "[reveiw]"), "[review]: this template is missing"),
        (("[review]", "[reveiw]"), "[reveiw]: there is no such template"),
        (("[review]\nsubject =", "[review]\nsubjekt ="), "[review] subjekt: there is no such part"),
        (("[review]\nsubject =", "[review]\nsubjekt ="), "[review] subject: it is missing"),
        (('[review]\nsubject = "【待研判】{title}"', "[review]\nsubject = 3"), "[review] subject: it must be text"),
        (("[public]", "[public"), "this is no TOML"),
    ],
)
def test_a_faulty_file_is_refused_with_each_fault_named(change: tuple[str, str], problem: str):
    """Unknown fields, parts and templates, and formats that would reach into Python."""
    with pytest.raises(TemplatesInvalidError) as refused:
        parse_templates(SHIPPED.replace(*change))
    assert any(problem in one for one in refused.value.problems)


def test_braces_in_a_title_are_only_text():
    """What people write is never a template."""
    assert Template(subject="{title}", text="{title}").render({"title": "{link} {0}"}).text == "{link} {0}"


def test_a_field_that_is_not_known_says_so_in_words():
    """Never `None`."""
    assert Template(subject="x", text="{deadline} {place} {responder}").render({}).text == "尽快 见哨单 —"


def test_a_changed_file_is_in_force_and_a_faulty_one_leaves_the_last_good_one(tmp_path: Path, monkeypatch):
    """Without a restart."""
    monkeypatch.setattr("activities.watched_file.LOOKS_EVERY_S", 0.0)
    shelf, file = TemplateShelf(tmp_path), tmp_path / FILE
    assert "【集结哨】" in shelf.current().render("assemble", FIELDS).text
    file.write_text(SHIPPED.replace("【集结哨】", "【速来】"), "utf-8")
    assert "【速来】" in shelf.current().render("assemble", FIELDS).text
    file.write_text("[nonsense]", "utf-8")
    assert "【速来】" in shelf.current().render("assemble", FIELDS).text
    file.unlink()
    assert "【集结哨】" in shelf.current().render("assemble", FIELDS).text

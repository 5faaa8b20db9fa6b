"""The directory of organisations: the shipped sample and what makes a directory sound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import catalogues
from domain.catalogue_files import parse_organisations
from domain.organisations import Organisation, Organisations, is_post, is_slug
from domain.vocabulary import OrganisationType

DIRECTORY = parse_organisations(catalogues.read("organisations.csv"))


def office(code: str, type_: OrganisationType = OrganisationType.BUREAU, **more: str) -> Organisation:
    """Make an organisation named by its code."""
    return Organisation(code=code, name=code, type=type_, **more)


def test_the_sample_holds_the_eighteen_townships_of_pinggu() -> None:
    """Two sub-districts, fourteen towns and two townships, each with its own initials."""
    townships = DIRECTORY.of_type(OrganisationType.TOWNSHIP)
    assert len(townships) == 18
    assert len({township.initials for township in townships}) == 18
    endings = [township.name[-1] for township in townships]
    assert (endings.count("道"), endings.count("镇"), endings.count("乡")) == (2, 14, 2)


def test_the_sample_holds_the_departments_and_utilities_of_the_contract() -> None:
    """The slugs that clients use are there, and at least 29 departments besides the utilities."""
    contract = {
        *("water", "planning", "police", "ecology", "urban-management"),
        *("emergency", "market", "transport", "agriculture", "forestry"),
    }
    utilities = {"power", "gas", "heating", "water-supply"}
    codes = {department.code for department in DIRECTORY.departments()}
    assert codes >= contract | utilities
    assert len(codes - utilities) >= 29
    assert {utility.code for utility in DIRECTORY.of_type(OrganisationType.UTILITY)} == utilities


def test_an_organisation_is_found_by_its_code() -> None:
    """A known code gives its organisation, an unknown one nothing but itself."""
    jinhaihu = DIRECTORY.find("jinhaihu")
    assert jinhaihu
    assert (jinhaihu.name, jinhaihu.initials) == ("金海湖镇", "JHH")
    assert "water" in DIRECTORY
    assert "atlantis" not in DIRECTORY
    assert DIRECTORY.find("atlantis") is None
    assert (DIRECTORY.name_of("water"), DIRECTORY.name_of("post-7")) == ("区水务局", "post-7")


@pytest.mark.parametrize(
    ("code", "township"),
    [
        ("maoshanhou", "jinhaihu"),
        ("branch-maoshanhou", "jinhaihu"),
        ("jinhaihu", "jinhaihu"),
        ("water", None),
        ("atlantis", None),
    ],
)
def test_villages_and_branches_belong_to_a_township(code: str, township: str | None) -> None:
    """The township stands somewhere above a village or branch, and nowhere above a bureau."""
    found = DIRECTORY.township_of(code)
    assert (found and found.code) == township


@pytest.mark.parametrize("text", ["water", "urban-management", "post-12", "a" * 64])
def test_a_slug_is_short_and_plain(text: str) -> None:
    """Lower-case letters and digits, parted by single hyphens."""
    assert is_slug(text)


@pytest.mark.parametrize(
    "text", ["", "Water", "urban--management", "-water", "water-", "水务", "a b", "a_b", "a" * 65, "water\n"]
)
def test_anything_else_is_no_slug(text: str) -> None:
    """Nothing that would need escaping in a path, a shell or a workflow id."""
    assert not is_slug(text)


@pytest.mark.parametrize(("text", "valid"), [("post-12", True), ("post-", False), ("postal", False), ("post-A", False)])
def test_any_slug_beginning_with_post_is_a_post(text: str, valid: bool) -> None:
    """Party members' posts are valid without standing in the directory."""
    assert is_post(text) is valid


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ((office("water"), office("water")), "'water' stands twice"),
        ((office("Water"),), "no slug"),
        ((office("post-1"),), "belong together"),
        ((office("water", parent="sea"),), "'sea' is not in the list"),
        ((office("a", parent="b"), office("b", parent="a")), "its own ancestor"),
        ((office("a", parent="a"),), "its own ancestor"),
        ((office("a", OrganisationType.TOWNSHIP),), "needs initials"),
        ((office("a", initials="AA"), office("b", initials="AA")), "'AA' stands twice"),
    ],
)
def test_a_directory_that_contradicts_itself_is_refused(items: tuple[Organisation, ...], problem: str) -> None:
    """Duplicates, unknown parents, circles and missing initials are named."""
    with pytest.raises(ValidationError, match=problem):
        Organisations(items=items)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.sampled_from(OrganisationType)))
def test_a_directory_survives_its_json(types: dict[str, OrganisationType]) -> None:
    """What is stored of a directory reads back the same."""
    unnamed = (OrganisationType.TOWNSHIP, OrganisationType.POST)
    directory = Organisations(items=tuple(office(code, type_) for code, type_ in types.items() if type_ not in unnamed))
    assert Organisations.model_validate_json(directory.model_dump_json()) == directory

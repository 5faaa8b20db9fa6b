"""The services as shipped, and what makes a catalogue of them sound."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

import catalogues
from starter.gateway.open311.presentation import definition, service_shown
from starter.gateway.open311.services import FILE, ServiceCatalogue, service_catalogue

SHIPPED = service_catalogue()


def changed(change: Any) -> ServiceCatalogue:
    """Load the shipped file with something in it changed."""
    content = json.loads(catalogues.read(FILE))
    change(content)
    return ServiceCatalogue.model_validate(content)


def test_the_sample_covers_what_residents_report() -> None:
    """At least twelve services, utilities among them, each told in Chinese."""
    assert len(SHIPPED.services) >= 12
    names = {service.name for service in SHIPPED.services}
    assert {"违法建设", "暴露垃圾", "盗采砂石", "道路破损", "供水问题", "供电问题", "燃气问题", "供热问题"} <= names


def test_a_service_has_the_fields_of_the_specification_in_their_order() -> None:
    """GET Service List, response table."""
    shown = service_shown(SHIPPED.by_code["gas"], SHIPPED).model_dump(mode="json")
    assert list(shown) == ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"]
    assert shown["metadata"] is True
    assert shown["type"] == "realtime"
    assert shown["keywords"] == "燃气, 天然气, 液化气"


def test_metadata_says_whether_there_are_questions() -> None:
    """False without any, and then no definition is needed."""
    bare = changed(lambda c: (c.pop("common_attributes"), c["services"][0].pop("attributes", None)))
    assert service_shown(bare.services[0], bare).metadata is False


def test_a_definition_has_the_fields_of_the_specification_in_their_order() -> None:
    """GET Service Definition, response table; orders are distinct and start at 1."""
    shown = definition(SHIPPED.by_code["sand-mining"], SHIPPED).model_dump(mode="json")
    assert list(shown) == ["service_code", "attributes"]
    for attribute in shown["attributes"]:
        assert list(attribute) == [
            "variable",
            "code",
            "datatype",
            "required",
            "datatype_description",
            "order",
            "description",
            "values",
        ]
        assert all(list(value) == ["key", "name"] for value in attribute["values"])
    assert [a["order"] for a in shown["attributes"]] == list(range(1, len(shown["attributes"]) + 1))


def test_the_sample_shows_every_datatype_that_has_a_use() -> None:
    """string, number, datetime, one and many of a list."""
    types = {a.datatype for s in SHIPPED.services for a in SHIPPED.attributes_of(s)}
    assert {"string", "number", "datetime", "singlevaluelist", "multivaluelist"} <= types


def test_a_retired_service_keeps_its_code() -> None:
    """Requests outlive the catalogue they were made with."""
    assert SHIPPED.shown("retired") == ("retired", "retired", None)
    assert SHIPPED.shown(None)[0] == SHIPPED.fallback


def _set(path: str, value: Any) -> Any:
    def change(content: dict[str, Any]) -> None:
        node: Any = content
        *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        for part in way:
            node = node[part]
        node[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set("services.2.code", "illegal-construction"), "stands twice"),
        (_set("services.0.code", "a/b"), "code"),
        (_set("services.0.type", "blackbox"), "type"),
        (_set("services.0.kind", "LOUD"), "kind"),
        (_set("services.1.attributes.0.values", []), "values belong to lists"),
        (_set("services.1.attributes.1.values", [{"key": "a", "name": "甲"}]), "values belong to lists"),
        (_set("services.1.attributes.0.datatype", "color"), "datatype"),
        (_set("services.1.attributes.0.variable", False), "never required"),
        (_set("services.1.attributes.0.code", "confidential"), "stands twice"),
        (_set("services.1.attributes.0.code", "a[b]"), "code"),
        (_set("common_attributes.1.values.0.key", "maybe"), "read by the gateway"),
        (_set("common_attributes.0.values.0.key", "WISH"), "read by the gateway"),
        (_set("common_attributes.2.datatype", "number"), "read by the gateway"),
        (_set("fallback", "nothing"), "there is no service"),
        (_set("changeset", "yesterday"), "changeset"),
        (_set("services.0.colour", "red"), "colour"),
    ],
)
def test_a_catalogue_that_is_not_sound_is_refused_when_it_is_loaded(change: Any, reason: str) -> None:
    """Not when the first resident asks."""
    with pytest.raises(ValidationError, match=reason):
        changed(change)

"""Ports of the embedded stack: chosen ones are honoured or refused by name, free ones stay the same."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from starter.embedded.errors import PortTakenError
from starter.embedded.ports import FREE_RANGE, PORTS_FILE, choose_ports, is_free


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Give a port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_free_ports_are_distinct_and_the_same_on_the_next_start(tmp_path: Path) -> None:
    """Addresses stay stable over restarts."""
    first = choose_ports(tmp_path, {"postgres": None, "temporal": None, "ui": None})
    assert len(set(first.values())) == len(first)
    assert all(port in FREE_RANGE for port in first.values())
    assert choose_ports(tmp_path, {"postgres": None, "temporal": None, "ui": None}) == first


def test_a_chosen_port_that_is_taken_is_refused_by_variable_and_number(tmp_path: Path, taken_port: int) -> None:
    """The user learns which variable to change."""
    with pytest.raises(PortTakenError, match=f"WHISTLE_UI_PORT={taken_port}") as caught:
        choose_ports(tmp_path, {"ui": taken_port})
    assert (caught.value.variable, caught.value.port) == ("WHISTLE_UI_PORT", taken_port)


def test_a_port_chosen_twice_is_refused(tmp_path: Path) -> None:
    """Two parts cannot share a port."""
    port = choose_ports(tmp_path, {"ui": None})["ui"]
    with pytest.raises(PortTakenError, match="WHISTLE_TEMPORAL_PORT"):
        choose_ports(tmp_path, {"ui": port, "temporal": port})


def test_a_remembered_port_that_is_taken_meanwhile_is_replaced(tmp_path: Path, taken_port: int) -> None:
    """Only the user's own choice is worth an error."""
    (tmp_path / PORTS_FILE).write_text(f'{{"postgres": {taken_port}}}', "utf-8")
    port = choose_ports(tmp_path, {"postgres": None})["postgres"]
    assert port != taken_port
    assert is_free(port)


def test_a_damaged_memory_of_ports_is_no_obstacle(tmp_path: Path) -> None:
    """A half-written file costs the stable addresses, not the start."""
    (tmp_path / PORTS_FILE).write_text('{"postgres": ', "utf-8")
    assert choose_ports(tmp_path, {"postgres": None})["postgres"] in FREE_RANGE

"""What counts as a request's id and place in a trace, and what comes back out of a header."""

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter

from observability.correlation import Correlation, correlated, current_correlation, well_formed_traceparent

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("traceparent", [None, TRACEPARENT])
def test_a_correlation_comes_back_out_of_its_header(traceparent: str | None):
    """With a trace and without."""
    sent = Correlation("request-0001", traceparent)
    assert Correlation.of_payload(sent.to_payload()) == sent


@pytest.mark.parametrize(
    "payload",
    [
        None,
        Payload(),
        Payload(metadata={"encoding": b"json/plain"}, data=b"{"),
        Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\x00"),
        PayloadConverter.default.to_payload("request-0001"),
        PayloadConverter.default.to_payload({"request_id": "张三的请求"}),
        PayloadConverter.default.to_payload({"traceparent": TRACEPARENT}),
    ],
)
def test_a_header_that_is_none_of_ours_correlates_nothing(payload: Payload | None):
    """Whoever wrote it, and however, no activity fails of it."""
    assert Correlation.of_payload(payload) is None


@pytest.mark.parametrize(
    "given",
    ["", "00", f"01-{TRACE_ID}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01", TRACEPARENT.upper(), None],
)
def test_what_names_no_trace_is_no_traceparent(given: object):
    """Version 00 of W3C Trace Context, in lower case, and never all zeros."""
    assert well_formed_traceparent(given) is None


def test_a_request_is_correlated_while_it_is_served():
    """And its lines say its trace."""
    with correlated(Correlation("request-0001", TRACEPARENT)):
        found = current_correlation()
        assert found
        assert found.logged == {"request_id": "request-0001", "trace_id": TRACE_ID}
    assert current_correlation() is None

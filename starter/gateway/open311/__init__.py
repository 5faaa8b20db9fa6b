"""Open311 GeoReport v2: residents' apps report a matter and follow it in the words of an open standard.

Fields, order, formats and error lists are those of https://wiki.open311.org/GeoReport_v2; what differs is listed in
docs/reference/open311.md.
"""

from starter.gateway.open311.faults import answer
from starter.gateway.open311.routes import PREFIX, router

__all__ = ["PREFIX", "answer", "router"]

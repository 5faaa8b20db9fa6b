"""The words of the field: every enumeration on the wire with its one Chinese label.

Identifiers and labels are those of the district's own documents (街乡吹哨、部门报到) and of
12345 and GB/T 30428 practice. Labels live here and nowhere else.
"""

from domain.vocabulary.choices import (
    AppendKind,
    CoordinateSystem,
    EvidenceKind,
    ExtensionPhase,
    HandlingResult,
    ObjectionReason,
    Rejection,
    ReplyVia,
    ReturnReason,
    ReviewDecision,
    Ruling,
    Satisfaction,
)
from domain.vocabulary.labelled import Labelled
from domain.vocabulary.lives import (
    Chain,
    DemandType,
    OrganisationType,
    Outcome,
    Phase,
    Point,
    ReportInState,
    ResponderRole,
    Role,
    SignalType,
    SourceChannel,
    State,
    SupervisionLevel,
    Tier,
    TimeUnit,
    Urgency,
    WhistleKind,
)

__all__ = [
    "AppendKind",
    "Chain",
    "CoordinateSystem",
    "DemandType",
    "EvidenceKind",
    "ExtensionPhase",
    "HandlingResult",
    "Labelled",
    "ObjectionReason",
    "OrganisationType",
    "Outcome",
    "Phase",
    "Point",
    "Rejection",
    "ReplyVia",
    "ReportInState",
    "ResponderRole",
    "ReturnReason",
    "ReviewDecision",
    "Role",
    "Ruling",
    "Satisfaction",
    "SignalType",
    "SourceChannel",
    "State",
    "SupervisionLevel",
    "Tier",
    "TimeUnit",
    "Urgency",
    "WhistleKind",
]

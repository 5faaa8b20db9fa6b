"""Payloads as JSON, in the form that Temporal's tools and UI exchange them with a codec server."""

from pydantic import BaseModel, ConfigDict, Field
from temporalio.api.common.v1 import Payload

from starter.encryption.key_ring import Base64

MOST_PAYLOADS = 10_000


class WirePayload(BaseModel):
    """One payload; bytes are in base64."""

    model_config = ConfigDict(extra="ignore")

    metadata: dict[str, Base64] = {}
    data: Base64 = b""


class WirePayloads(BaseModel):
    """What is sent to be decoded or encoded, and what comes back."""

    model_config = ConfigDict(extra="ignore")

    payloads: list[WirePayload] = Field(default=[], max_length=MOST_PAYLOADS)

    @classmethod
    def of(cls, payloads: list[Payload]) -> "WirePayloads":
        """Write payloads."""
        return cls(payloads=[WirePayload(metadata=dict(p.metadata), data=p.data) for p in payloads])

    def read(self) -> list[Payload]:
        """Read them."""
        return [Payload(metadata=one.metadata, data=one.data) for one in self.payloads]

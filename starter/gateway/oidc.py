"""Bearer tokens of an OIDC issuer, mapped to the same principals as API keys."""

import time
from typing import Any

import httpx
import jwt
import structlog
from pydantic import ValidationError

from domain.errors import TemporarilyUnavailableError
from domain.vocabulary import Role
from observability.subjects import TOKEN_PREFIX
from settings import Settings
from storage.keys import Principal

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_KEYS_LAST_S = 300.0
_ASK_AGAIN_AFTER_S = 2.0
_LEEWAY_S = 30
_LONGEST_SUBJECT = 120

log = structlog.get_logger("gateway")


class Tokens:
    """The tokens of one issuer; its keys are fetched when needed and kept for five minutes."""

    def __init__(self, settings: Settings) -> None:
        """Believe the issuer that the settings name."""
        self._settings = settings
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -_KEYS_LAST_S

    async def principal_of(self, token: str) -> Principal | None:
        """Find who a token speaks for; None for one that is not to be believed.

        Raises TemporarilyUnavailableError when the issuer's keys cannot be had.
        """
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            return None if key is None else self._principal(self._claims(token, key))
        except (jwt.PyJWTError, ValidationError, ValueError) as refused:
            log.info("token_refused", reason=type(refused).__name__)
            return None

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=_ALGORITHMS,
            audience=self._settings.oidc_audience,
            issuer=self._settings.oidc_issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iss", "aud", self._settings.oidc_subject_claim]},
        )

    def _principal(self, claims: dict[str, Any]) -> Principal:
        said = claims.get(self._settings.oidc_role_claim, [])
        roles = [Role(role) for role in (said if isinstance(said, list) else [said])]
        subject = str(claims[self._settings.oidc_subject_claim])
        if not roles or Role.ENGINE in roles or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
            message = "no role of ours, or no subject that can be kept"
            raise ValueError(message)
        organisation = claims.get(self._settings.oidc_organisation_claim)
        name = f"{TOKEN_PREFIX}{subject}"
        return Principal(name=name, role=roles[0], organisation=organisation, other_roles=tuple(roles[1:]))

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        age = time.monotonic() - self._fetched_at
        if age > _KEYS_LAST_S or (kid not in self._keys and age > _ASK_AGAIN_AFTER_S):
            await self._fetch()
        return self._keys.get(kid)

    async def _fetch(self) -> None:
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                answer = await client.get(str(self._settings.oidc_jwks_url))
                found = jwt.PyJWKSet.from_dict(answer.raise_for_status().json())
        except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
            if self._keys:
                log.warning("issuer_keys_kept", reason=type(error).__name__)
                self._fetched_at = time.monotonic()
                return
            message = "the issuer's keys cannot be had; send the same request again"
            raise TemporarilyUnavailableError(message) from None
        self._keys = {str(key.key_id or ""): key for key in found.keys}
        self._fetched_at = time.monotonic()

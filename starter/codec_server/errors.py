"""What the codec server refuses, beside what every door refuses."""

from domain.errors import RefusedError


class OriginNotAllowedError(RefusedError):
    """The page that asks is not one of the Temporal UIs named in WHISTLE_CODEC_ORIGINS."""

    problem, status, title = "origin-not-allowed", 403, "来源不允许 Origin not allowed"


class UndecodableError(RefusedError):
    """A payload does not open with any key of the ring."""

    problem, status, title = "undecodable", 422, "无法解密 Cannot be decrypted"

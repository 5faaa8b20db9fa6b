"""电子邮件: one connection a message; the Message-ID is the same at every attempt, so that a repetition can be told."""

import re
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime
from typing import ClassVar, Literal

import aiosmtplib

from activities.channels.protocol import Message, MisconfiguredError, PermanentError, TransientError

MAILBOX = re.compile(r"[^@\s<>()\[\],;:\\\"]+@[^@\s<>()\[\],;:\\\"]+")
_TEMPORARY = range(400, 500)
Security = Literal["none", "starttls", "tls"]


class Mail:
    """One account at one mail server."""

    keyed: ClassVar[bool] = True
    by_address: ClassVar[bool] = False
    text_bytes: ClassVar[int | None] = None

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        security: Security = "starttls",
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """Send through this server from this address."""
        self._sender = sender
        self._domain = sender.rpartition("@")[2].rstrip(">") or host
        self._server = {
            "hostname": host,
            "port": port,
            "timeout": timeout_s,
            "use_tls": security == "tls",
            "start_tls": False,
        }
        self._security = security
        self._account = (username, password or "") if username else None

    async def send(self, message: Message) -> None:
        """Send it, marked as urgent where it is."""
        if not MAILBOX.fullmatch(message.address):
            raise PermanentError("address-invalid")
        client = aiosmtplib.SMTP(**self._server)  # type: ignore[arg-type]
        handed = False
        try:
            await self._open(client)
            handed = True
            await client.send_message(self._written(message))
        except aiosmtplib.SMTPRecipientsRefused as error:
            _refuse(error.recipients[0].code, "recipient-refused")
        except aiosmtplib.SMTPResponseException as error:
            is_ours = not handed or isinstance(error, aiosmtplib.SMTPSenderRefused)
            _refuse(error.code, f"SMTP {error.code}", MisconfiguredError if is_ours else PermanentError)
        except aiosmtplib.SMTPNotSupported:
            if handed:
                raise PermanentError("address-not-supported") from None
            raise MisconfiguredError("server-lacks-what-is-configured") from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPConnectTimeoutError):
            raise TransientError("connection-failed") from None
        except aiosmtplib.SMTPTimeoutError:
            raise TransientError("timeout", doubtful=handed) from None
        except (aiosmtplib.SMTPException, OSError):
            raise TransientError("connection-cut", doubtful=handed) from None
        finally:
            client.close()

    async def close(self) -> None:
        """Nothing stays open."""

    async def _open(self, client: aiosmtplib.SMTP) -> None:
        await client.connect()
        await client.ehlo()
        if self._security == "starttls":
            # Before the password: it is never sent to a server that cannot encrypt.
            if not client.supports_extension("starttls"):
                raise aiosmtplib.SMTPNotSupported("STARTTLS")
            await client.starttls()
        if self._account:
            await client.login(*self._account)

    def _written(self, message: Message) -> EmailMessage:
        written = EmailMessage()
        written["From"] = self._sender
        written["To"] = message.address
        written["Subject"] = " ".join(message.subject.split())
        written["Date"] = format_datetime(message.at)
        written["Message-ID"] = f"<{message.key}@{self._domain}>"
        written["Auto-Submitted"] = "auto-generated"
        if message.urgent:
            written["X-Priority"] = "1"
        written.set_content(message.text)
        return written


def _refuse(code: int, reason: str, otherwise: Callable[[str], Exception] = PermanentError) -> None:
    raise TransientError(reason) if code in _TEMPORARY else otherwise(reason)

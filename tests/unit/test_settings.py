"""The environment: every switch is read under its public name, and a mistake is one sentence that names it."""

from datetime import timedelta
from ipaddress import ip_network

import pytest

from settings import Settings, SettingsInvalidError, read_settings, settings_of_process, variable_of
from tests.architecture.test_docs import ROOT

NONSENSE = ("☃ :", "-1", "0", "nan", "inf", "1e999", "x" * 300, "http://", "10.0.0.1/8", "host:", "ftp://host/{}")
ALL_BUT_NOTHING = {
    "WHISTLE_HTTP_PORT": "abc",
    "WHISTLE_UI_PORT": "70000",
    "WHISTLE_LIMITS": "fast",
    "WHISTLE_LOG_LEVEL": "loud",
    "WHISTLE_READ_WITHIN_S": "inf",
    "WHISTLE_GRACEFUL_SHUTDOWN_S": "-5",
    "WHISTLE_RATE_LIMIT": "0",
    "WHISTLE_AT_ONCE": "0",
    "WHISTLE_WEBHOOK_ALLOW": "10.0.0.1/8",
    "WHISTLE_DATABASE_DSN": "postgresql://whistle:a-password@host:port/whistle",
    "WHISTLE_DATABASE_OWNER_DSN": "host=db password=a-password",
    "WHISTLE_OIDC_JWKS_URL": "keys.json",
    "WHISTLE_NOTICE_LINK": "https://example.cn/whistles/",
    "TEMPORAL_ADDRESS": "temporal",
}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)


def test_settings_are_read_under_their_public_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the contract are the names in the environment; an empty one is not set."""
    monkeypatch.setenv("WHISTLE_WEBHOOK_ALLOW", "10.0.0.0/8, ::1/128")
    monkeypatch.setenv("WHISTLE_AS", "platform")
    monkeypatch.setenv("WHISTLE_GRACEFUL_SHUTDOWN_S", "10.0")
    monkeypatch.setenv("WHISTLE_LIMITS", "demo")
    monkeypatch.setenv("WHISTLE_HTTP_PORT", "")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "[::1]:7233")
    settings = read_settings()
    assert settings.webhook_allow == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.acting_as == "platform"
    assert settings.graceful_shutdown == timedelta(seconds=10)
    assert settings.limits == "demo"
    assert settings.http_port is None
    assert settings.temporal_address == "[::1]:7233"


@pytest.mark.parametrize(("variable", "value"), ALL_BUT_NOTHING.items())
def test_a_mistake_is_one_sentence_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """What it must be and what it is, but never what may hold a password."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalidError) as refused:
        read_settings()
    said = str(refused.value)
    assert said.startswith(f"{variable} must be ")
    assert "something else" not in said
    assert (value in said) != ("DATABASE" in variable)
    assert "\n" not in said
    assert "a-password" not in said


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: value[:10])
def test_nothing_that_is_set_ends_in_another_error(value: str) -> None:
    """Any value of any variable is taken, or refused in the same words."""
    for variable in map(variable_of, Settings.model_fields):
        said = complaint(variable, value)
        assert said is None or variable in said or "must be set too" in said
        assert "something else" not in (said or "")


def complaint(variable: str, value: str) -> str | None:
    """Give what is said of a variable, None where it is taken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable, value)
        try:
            read_settings()
        except SettingsInvalidError as refused:
            return str(refused)
    return None


def test_every_mistake_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets up a system is not sent round in circles."""
    for variable, value in ALL_BUT_NOTHING.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalidError) as refused:
        read_settings()
    assert all(variable in str(refused.value) for variable in ALL_BUT_NOTHING)


def test_an_issuer_by_halves_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its tokens would be refused, and nobody would know why."""
    monkeypatch.setenv("WHISTLE_OIDC_ISSUER", "https://issuer.example")
    with pytest.raises(SettingsInvalidError, match="WHISTLE_OIDC_AUDIENCE and WHISTLE_OIDC_JWKS_URL must be set too"):
        read_settings()


def test_a_process_ends_with_code_2_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Worker and gateway alike, before they do anything."""
    monkeypatch.setenv("WHISTLE_HTTP_PORT", "abc")
    with pytest.raises(SystemExit) as ended:
        settings_of_process()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "✗ WHISTLE_HTTP_PORT must be a port, 1 to 65535, not 'abc'\n"


def test_every_variable_is_documented() -> None:
    """In the table of docs/how-to/operate.md, or where its subject is explained."""
    told = "".join(page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
    assert [name for name in map(variable_of, Settings.model_fields) if f"`{name}" not in told] == []

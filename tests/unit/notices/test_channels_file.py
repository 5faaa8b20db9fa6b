"""`channels.toml`: anyone may change it while the worker works, and one fault silences no other channel."""

import sys
from pathlib import Path

import pytest

from activities import watched_file
from activities.channels.mail import Mail
from activities.channels.opening import open_channel
from activities.channels.sections import ChannelsInvalidError, read_sections
from activities.channels.shelf import ChannelShelf
from activities.lanes import Lanes

EVERY_KIND = """
[w1]
kind = "wecom-robot"
[w2]
kind = "wecom-app"
corp_id = "ww1"
agent_id = 1
secret = "s"
[d]
kind = "dingtalk-robot"
[f]
kind = "feishu-robot"
[s]
kind = "sms"
url = "https://sms.example/send"
[m]
kind = "mail"
host = "mail.example"
sender = "吹哨报到 <whistle@example.org>"
[h]
kind = "webhook"
secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
[l]
kind = "log"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it lies, looked at whenever asked."""
    monkeypatch.setattr(watched_file, "LOOKS_EVERY_S", 0.0)
    return tmp_path / "channels.toml"


@pytest.fixture
def marked(file: Path) -> Path:
    """A file of every kind, with the byte order mark."""
    file.write_text(EVERY_KIND, "utf-8-sig")
    return file


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a]\nkind = 'wecom-robt'", "[a]"),
        ("[a]\nkind = 'wecom-app'\ncorp_id = 'x'", "[a] wecom-app agent_id"),
        ("[a]\nkind = 'sms'\nurl = 'gateway'", "[a] sms url"),
        ("[a]\nkind = 'wecom-robot'\nquiet = 'at night'", "[a] wecom-robot quiet: two different times"),
        ("[a]\nkind = 'wecom-robot'\nquiet = '22:00Z-07:00'", "[a] wecom-robot quiet"),
        ("[a]\nkind = 'wecom-robot'\nquiet = '22:00-22:00'", "[a] wecom-robot quiet"),
        ("[a]\nkind = 'wecom-robot'\nquiet = '22:00-25:00'", "[a] wecom-robot quiet"),
        ("[a]\nkind = 'wecom-robot'\nper_hour = 9", "[a] wecom-robot per_hour"),
        ("[a]\nkind = 'webhook'\nsecret = 'SECRET!'", "[a] webhook secret: whsec_"),
        (f"[a]\nkind = 'webhook'\nsecret = 'whsec_{'A' * 33}'", "[a] webhook secret: whsec_"),
        ("[a]\nkind = 'mail'\nhost = 'm'\nsender = 'whistle@'", "[a] mail sender: a mailbox"),
        ("[a]\nkind = 'apprise'", "[a] apprise services"),
        ("[a]\nkind = 'apprise'\nservices = ['SECRET!']", "[a] apprise services"),
        ("['a b']\nkind = 'wecom-robot'", "[a b]: a name has"),
        ("a = 1", "[a]"),
        ("[a", "channels.toml"),
    ],
)
def test_a_faulty_file_names_the_place_and_never_a_value(file: Path, text: str, problem: str):
    """There are secrets in it."""
    file.write_text(text, "utf-8")
    with pytest.raises(ChannelsInvalidError) as refused:
        read_sections(file)
    assert problem in str(refused.value)
    assert "SECRET!" not in str(refused.value)


def test_a_section_that_needs_what_is_not_installed_says_how_to_install_it(file: Path, monkeypatch):
    """The extra is an extra."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    file.write_text("[x]\nkind = 'apprise'\nservices = ['wxpusher://']", "utf-8")
    with pytest.raises(ChannelsInvalidError, match="pip install apprise"):
        read_sections(file)


def write(file: Path, *sections: str) -> None:
    """Write `name kind key = value …` as a section each."""
    parts = (section.split(maxsplit=2) for section in sections)
    file.write_text("\n".join(f"[{name}]\nkind = '{kind}'\n{''.join(rest)}" for name, kind, *rest in parts), "utf-8")


async def test_every_kind_of_channel_opens(marked: Path):
    """As the how-to shows them, from a file that an editor on Windows marked."""
    sections = read_sections(marked)
    assert list(sections) == ["w1", "w2", "d", "f", "s", "m", "h", "l"]
    for section in sections.values():
        await open_channel(section).close()


def test_without_a_file_there_is_the_log_alone(file: Path):
    """And without anybody having said where it would be."""
    assert list(ChannelShelf(file).current()) == list(ChannelShelf(None).current()) == ["log"]


def test_a_fault_in_one_section_silences_no_other(file: Path):
    """What was in order before stays in force as it was."""
    shelf = ChannelShelf(file)
    write(file, "a wecom-robot", "b feishu-robot")
    assert set(shelf.current()) == {"log", "a", "b"}
    write(file, "a wecom-robot per_minute = 0", "b feishu-robot at_once = 3")
    now = shelf.current()
    assert (now["a"].per_minute, now["b"].at_once) == (20, 3)
    write(file, "b feishu-robot", "c no-such")
    assert set(shelf.current()) == {"log", "b"}


def test_a_file_that_cannot_be_read_changes_nothing(file: Path):
    """Half a file, as some editor left it."""
    shelf = ChannelShelf(file)
    write(file, "a wecom-robot")
    before = dict(shelf.current())
    file.write_text("[a]\nkind = 'wec", "utf-8")
    assert shelf.current() == before
    file.unlink()
    assert list(shelf.current()) == ["log"]


async def test_a_changed_section_gives_way_to_a_new_lane_that_owes_nothing(file: Path):
    """The old one ends what it has begun; lanes whose section is as before go on."""
    write(file, "a wecom-robot", "b wecom-robot")
    lanes = Lanes(ChannelShelf(file))
    assert sorted(await lanes.follow()) == ["a", "b", "log"]
    assert await lanes.follow() == []
    old, same = lanes["a"], lanes["b"]
    begun = old.begin("water/li")
    old.fail("water/li", None)
    write(file, "a wecom-robot per_minute = 5", "b wecom-robot")
    assert await lanes.follow() == ["a"]
    assert lanes["a"] is not old
    assert lanes["a"].resting() == []
    assert lanes["b"] is same
    assert not old.channel._client.is_closed
    old.end("water/li", begun)
    await lanes.follow()
    assert old.channel._client.is_closed
    write(file, "b wecom-robot")
    assert await lanes.follow() == []
    assert set(lanes.names) == {"log", "b"}
    await lanes.close()
    assert same.channel._client.is_closed


def test_a_mail_section_opens_an_account_with_its_password(file: Path):
    """What is secret stays so in whatever is printed."""
    text = "[m]\nkind='mail'\nhost='h'\nsender='a@b.org'\nusername='u'\npassword='SECRET'"
    file.write_text(text, "utf-8")
    section = read_sections(file)["m"]
    assert "SECRET" not in repr(section)
    opened = open_channel(section)
    assert isinstance(opened, Mail)
    assert opened._account == ("u", "SECRET")

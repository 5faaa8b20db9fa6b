"""The extra, marked best effort: it reaches what it reaches, and reads no answer beyond its status."""

import pytest

from activities.channels import Message, PermanentError, TransientError
from activities.channels.apprise_extra import AppriseExtra
from storage.notice_deliveries import DeliveryState
from storage.pool import Pool
from tests.integration.notices.duty_office import channels, delivering, on_duty, settled
from tests.integration.notices.peers import CUT, Answer, Peer
from tests.integration.notices.test_channels import MESSAGE
from tests.integration.notices.test_delivery import emergency

# One of its services imports what Python 3.13 has no more.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def extra(peer: Peer) -> AppriseExtra:
    """The channel, to this peer alone."""
    return AppriseExtra((f"json://127.0.0.1:{peer.port}",))


def to(peer: Peer) -> Message:
    """The message, to a service that takes JSON at a peer."""
    return MESSAGE.model_copy(update={"address": f"json://127.0.0.1:{peer.port}/in"})


@pytest.mark.parametrize("body", [{"errcode": 0}, {"errcode": 93000, "errmsg": "refused in the body"}])
async def test_what_a_service_answers_with_200_counts_as_delivered(body: dict[str, object]):
    """Also where it refuses in its body: that is what best effort means here."""
    async with Peer(Answer(200, body)).listening() as peer:
        channel = extra(peer)
        await channel.send(to(peer))
        await channel.close()
    (got,) = peer.got
    assert (got.path, got.json["title"], got.json["message"]) == ("/in", MESSAGE.subject, MESSAGE.text)


@pytest.mark.parametrize("answer", [Answer(500), Answer(403), CUT], ids=["500", "403", "cut"])
async def test_every_failure_may_pass_and_is_in_doubt(answer: Answer):
    """It says no reason."""
    async with Peer(answer).listening() as peer:
        with pytest.raises(TransientError, match="apprise-failed") as failed:
            await extra(peer).send(to(peer))
    assert failed.value.doubtful


async def test_an_address_that_is_none_of_its_services_fails_for_good():
    """As a mistyped one."""
    with pytest.raises(PermanentError, match="address-invalid"):
        await AppriseExtra(("json://",)).send(MESSAGE.model_copy(update={"address": "nonsense"}))


@pytest.mark.parametrize(
    "address",
    [
        "json://10.0.0.1/in",
        "json://127.0.0.1:{port}1/in",
        "jsons://127.0.0.1:{port}/in",
        "xml://127.0.0.1:{port}/in",
        "json://127.0.0.1:{port}@10.0.0.1/in",
        "json://10.0.0.1/in?host=127.0.0.1:{port}",
        "json://127.0.0.1:{port}/in?method=GET",
        "json://10.0.0.1/in, json://127.0.0.1:{port}/in",
        "mailto://a:b@listed.example?smtp=127.0.0.1:{port}",
        "syslog://",
    ],
)
async def test_a_roster_s_address_reaches_no_service_and_no_server_that_is_not_listed(address: str):
    """Another server, another form of it, two in one address, or one in its query."""
    async with Peer(Answer(200)).listening() as peer:
        channel = AppriseExtra((f"json://127.0.0.1:{peer.port}", "json://listed.example", "mailto://listed.example"))
        refused = MESSAGE.model_copy(update={"address": address.format(port=peer.port)})
        with pytest.raises(PermanentError, match=r"address-(refused|invalid)"):
            await channel.send(refused)
    assert peer.got == []


async def test_a_notice_goes_out_through_the_extra_like_through_any_channel(pool: Pool, tmp_path):
    """By its section and a contact whose address is one of apprise's."""
    async with Peer(Answer(200)).listening() as peer:
        await on_duty(pool, f"water,a,甲,other,json://127.0.0.1:{peer.port}/in,")
        async with delivering(
            pool, channels(tmp_path, other={"kind": "apprise", "services": [f"json://127.0.0.1:{peer.port}"]})
        ):
            desk = await emergency(pool)
            (one,) = await settled(pool, desk.whistle_id, "other")
    assert one.state is DeliveryState.DELIVERED
    assert "【集结哨】" in peer.got[0].json["message"]

"""The trail freezes what organisations are called when it first speaks of them."""

from hypothesis import HealthCheck, given, settings

from domain import events as e
from domain.authority import allowed, open_commands
from domain.chains import holders
from domain.organisations import Organisations
from domain.records import Commit
from tests.life import Life
from tests.random_lives import lives

SOME = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def test_an_organisation_is_named_by_the_event_that_first_speaks_of_it():
    """And by no later one, so that histories do not grow."""
    life = Life().assembling("water", "police")
    named = [(r.type, r.event.names) for r in life.trail if r.event.names]
    assert named == [
        ("WhistleRegistered", {"jinhaihu": "金海湖镇"}),
        ("WhistleProposed", {"police": "公安分局", "water": "区水务局"}),
    ]
    assert life.whistle.names["police"] == "公安分局"


def test_a_name_stays_what_it_was_when_the_office_is_renamed():
    """An audit trail tells of the offices of its time."""
    life = Life().assembling("water")
    renamed = [o.model_copy(update={"name": f"新{o.name}"}) for o in life.rules.organisations.items]
    life.rules = life.rules._replace(organisations=Organisations(items=tuple(renamed)))
    life.do("platform", "add_responder", responder="police", role="COOPERATING")
    assert life.whistle.names == {"jinhaihu": "金海湖镇", "water": "区水务局", "police": "新公安分局"}


def test_what_travels_without_names_is_as_small_as_before():
    """No event pays for a field it does not use."""
    life = Life().assembling("water")
    life.arrive("water")
    packed = Commit.of(tuple(r for r in life.trail if isinstance(r.event, e.ResponderArrived)))
    assert "names" not in packed.events[0][1]


@SOME
@given(lives())
def test_a_random_life_names_every_organisation_it_speaks_of(life: Life):
    """Whatever is called, reassigned, supervised or transferred to."""
    unnamed = life.whistle.organisations - life.whistle.names.keys()
    assert not [code for code in unnamed if life.rules.organisations.find(code)]


@SOME
@given(lives())
def test_a_random_life_opens_to_each_part_what_the_allowed_query_says(life: Life):
    """The page on a whistle and the query read the same table."""
    whistle, now = life.whistle, life.now
    told = open_commands(whistle, now)
    for part, commands in told.items():
        actors = [holder.anyone for holder in holders(part, whistle)]
        assert set(commands) <= {c for actor in actors for c in allowed(whistle, actor, now)}
    everyone = {holder.anyone for part in told for holder in holders(part, whistle)}
    assert {c for them in told.values() for c in them} == {c for a in everyone for c in allowed(whistle, a, now)}

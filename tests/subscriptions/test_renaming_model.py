"""The rename machine against a model of AOS, with faults and interference as hypothesis finds them (decisions 15-18).

What nobody can know is left out, and said here: a change that AOS makes later than a minute after Save, and a name
that somebody outside gives back before the portal has looked. Without entity tags, a name that somebody changes between
the portal's last look and its PUT is overwritten: that window is AOS's.
"""

import logging
import os
import uuid
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aosportal import request_id
from aosportal.passport.identity import Identity
from aosportal.passport.models import Grant
from aosportal.passport.tokenset import TokenSet
from aosportal.secret import Secret
from subscriptions import aos, ledger, renaming, settling
from subscriptions.aos import AOS, NO_TOKEN, AOSError
from subscriptions.errors import Occupied
from subscriptions.ledger import SETTLED, State, Wish
from subscriptions.models import Gate, Notice, OpenRename, Rename, RenameEvent, Snapshot, Turn
from subscriptions.names import fingerprint, is_tidied
from tests.support.fake_aps import ALICE, BOB, ISSUER, FakeAPS

from .model_aos import GETS, LOST, NOT_PROCESSED, REFUSED, TAKEN, TIDIED, Killed, ModelAOS

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "0"))  # so many at random; if not said, the same ones each time
LONG = "A long name that " * 5
WHO = {"alice": ALICE, "bob": BOB}
AGREEING = {  # what people are told, and what the ledger says
    "done": {State.CONFIRMED},
    "different": {State.CONFIRMED, State.CONFLICTED},
    "conflict": {State.CONFLICTED},
    "not-done": {State.REJECTED, State.NOT_DONE, State.CONFLICTED},  # the last: sent, and gone when looked for
    "unknown": {State.UNKNOWN},
}
IDS = st.sampled_from(["s-1", "s-1", "s-2"])
WANTED = st.sampled_from(["New", "new ", "Newer", "Newest", "Best", "Old", LONG])
THEIRS = st.sampled_from(["Theirs", "Old", "New", "NEW", "", None, LONG])
PEOPLE = st.sampled_from(["alice", "alice", "bob"])
PICK = st.integers(0, 20)
LOOKS = st.lists(st.sampled_from(GETS), max_size=4)
PUT = st.one_of(*map(st.sampled_from, (NOT_PROCESSED, REFUSED, LOST, TAKEN, ["late"])))
WEATHER = st.fixed_dictionaries(
    {
        "before": st.sampled_from(["well"] * 80 + list(GETS)),
        "puts": st.tuples(PUT, PUT),
        "after": LOOKS,
        "applies": st.booleans(),
        "tidies": st.sampled_from(sorted(TIDIED)),
        "meanwhile": st.lists(st.sampled_from(["nothing", "change", "again", "worker", "visit"]), max_size=2),
    }
)


class Renames(RuleBasedStateMachine):
    """People, outsiders, the worker and the clock."""

    def __init__(self, wire, users):
        super().__init__()
        self.wire, self.users, self.grants, self.signed_in = wire, users, {}, 0
        self.forms, self.first, self.looked, self.sent_at = [], {}, {}, {}
        self.intents, self.events = {}, {}

    @initialize(etags=st.booleans(), wanted=WANTED, weather=WEATHER)
    def begin(self, etags, wanted, weather):
        self.wire.reset()
        self.aps, self.aos = FakeAPS().on(self.wire), ModelAOS(self.wire, etags=etags)
        self.aos.before_put = self.may_be_sent
        for person in self.users:
            self.sign_in(person)
        self.saves("alice", "s-1", wanted, 0, weather)

    # --- What happens

    @rule(person=PEOPLE, id=IDS, wanted=WANTED, older=st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2]), weather=WEATHER)
    def saves(self, person, id, wanted, older, weather):
        """The form was opened when the name was so many versions older."""
        versions = self.aos.versions[id]
        self.send(person, Wish(id, wanted, uuid.uuid4()), versions[max(0, len(versions) - 1 - older)].name, weather)

    @precondition(lambda self: self.intents)
    @rule(pick=PICK, is_undo=st.booleans(), wanted=st.none() | WANTED, weather=WEATHER)
    def presses_again(self, pick, is_undo, wanted, weather):
        """A form that was sent before, perhaps with another text, or an Undo, perhaps for the second time."""
        rows = [row for row in ledger.with_state(Rename.objects.order_by("-created")) if row.can_undo]
        if is_undo and rows:
            row = rows[pick % len(rows)]
            wish = Wish(row.subscription_id, row.name_seen, uuid.uuid5(row.undo_id, "pressed"), undoes=row.pk)
            self.send(row.user.username, wish, row.name_observed, weather)
        else:
            person, wish, seen = self.forms[-1 - pick % len(self.forms)]
            self.send(person, replace(wish, name=wanted or wish.name), seen, weather)

    @rule(seconds=st.sampled_from([1, 6, 20, 61, 4000]), looks=st.sampled_from(["nobody", "worker", *WHO]), gets=LOOKS)
    def time_goes_by(self, seconds, looks, gets):
        """What the database knows gets older, another process goes on, and somebody looks."""
        self.aos.wait(seconds)
        gone = timedelta(seconds=seconds)
        QuerySet(Rename).update(created=F("created") - gone)
        OpenRename.objects.update(next_look=F("next_look") - gone)
        Turn.objects.update(until=F("until") - gone)
        Gate.objects.update(closed_until=F("closed_until") - gone)
        aos._policy.cache_clear()
        self.aos.gets = gets
        with suppress(Killed):
            self.look(looks)

    @rule(
        what=st.sampled_from(["change", "change", "land", "land", "access", "sign out", "sign in", "sign in"]),
        id=IDS,
        name=THEIRS,
    )
    def something_happens(self, what, id, name):
        if what == "change":
            self.aos.change(id, name)
        elif what == "land":
            self.aos.land(self.aos.flying[:1])
        elif what == "access":
            self.aos.hidden ^= {"s-2"}
        elif what == "sign out":
            self.grants["alice"].end("signed out")
        else:
            self.sign_in("alice")

    # --- How it happens

    def sign_in(self, person):
        self.signed_in += 1
        refresh, claims = f"refresh-{self.signed_in}", WHO[person]
        self.aps.knows_refresh_token(refresh, claims)
        access = Secret(f"{self.signed_in}-{claims['sub']}")
        tokens = TokenSet(access, Secret(refresh), None, timezone.now() + timedelta(hours=1), None)
        identity = Identity("id_token", ISSUER, claims["sub"])
        self.grants[person] = Grant.of_sign_in(self.users[person], identity, tokens, sid="", scope="openid")

    def look(self, who):
        """The worker finds out what is due, or somebody comes back to their list."""
        if who == "worker":
            settling.settle_due()
        elif who in self.users:
            settling.settle(AOS(self.grants[who]), settling.at_rest(settling.open_of(self.users[who])))

    def send(self, person, wish, seen, weather):
        """Send a form, in this weather."""
        form = person, wish, seen
        self.forms.append(form)
        self.aos.gets, self.aos.puts = [weather["before"], *weather["after"]], list(weather["puts"])
        self.aos.applies, self.aos.tidies = weather["applies"], weather["tidies"]
        self.aos.meanwhile = lambda: [self.happens_meanwhile(each, form) for each in weather["meanwhile"]]
        turns = []  # a killed worker gives none up
        self.aos.before_kill = lambda: turns.extend(Turn.objects.all())
        try:
            self.rename(form)
        except Killed:
            Turn.objects.bulk_create(turns, ignore_conflicts=True)

    def rename(self, form):
        person, wish, seen = form
        self.first.setdefault(wish.id, form)
        self.looked.setdefault(wish.id, len(self.aos.shown))
        self.aos.asked_at.setdefault(wish.id, self.aos.clock)
        is_new = not Rename.objects.filter(pk=wish.id).exists()
        self.aos.asking = wish.id
        request_id.fresh()
        try:
            outcome = renaming.rename(AOS(self.grants[person]), wish, fingerprint(seen))
        except (AOSError, *NO_TOKEN):
            assert not (is_new and self.aos.applied(wish.subscription_id, wish.id)), "this was no error"
        else:
            assert outcome.rename or (outcome.state == "unchanged" and not self.aos.sent[wish.id])
            assert not outcome.rename or ledger.made_by_form(wish.id).state in AGREEING[outcome.state]

    def happens_meanwhile(self, what, form):
        """While AOS is busy with the PUT of this form."""
        if what == "change":
            self.aos.change(form[1].subscription_id, "Meanwhile")
        with self.fair_weather():
            if what == "again":
                with pytest.raises(Occupied):
                    renaming.rename(AOS(self.grants[form[0]]), form[1], fingerprint(form[2]))
            elif what == "worker":
                OpenRename.objects.update(next_look=timezone.now())
                self.look("worker")
            elif what == "visit":
                self.look(form[0])

    @contextmanager
    def fair_weather(self):
        gets, self.aos.gets = self.aos.gets, []
        yield
        self.aos.gets = gets

    # --- What must hold

    def may_be_sent(self, id, wanted, request):
        """A PUT says what a committed intent says, of a name that its person saw and AOS showed last."""
        intent = self.aos.asking
        row = Rename.objects.get(pk=intent)
        person, _wish, seen = self.first[intent]
        assert not connection.in_atomic_block
        assert (row.subscription_id, row.name_wanted, row.user.username) == (id, wanted, person)
        assert request.headers["Authorization"].endswith(WHO[person]["sub"])
        number = self.aos.shown[-1][id]
        assert row.name_seen == self.aos.versions[id][number].name == seen
        assert request.headers.get("If-Match") == self.aos.tag(id, number)
        assert self.aos.sent[intent] < 2
        assert not self.aos.processed[intent]
        assert intent not in self.intents
        self.sent_at[intent] = len(self.aos.shown)

    @invariant()
    def the_ledger_is_only_added_to_and_true(self):
        rows = {row.pk: row for row in Rename.objects.all()}
        events = defaultdict(list)
        for event in RenameEvent.objects.order_by("number"):
            events[event.rename_id].append(event)
        for pk, row in rows.items():
            facts, known = facts_of(row), self.events.get(pk, [])
            assert self.intents.setdefault(pk, facts) == facts
            self.events[pk] = [facts_of(event) for event in events[pk]]
            assert self.events[pk][: len(known)] == known
            for event in events[pk][len(known) :]:
                self.is_true(row, event)
            assert [event.number for event in events[pk]] == list(range(1, len(events[pk]) + 1))
            assert events[pk][0].state == State.PENDING
            assert not [event for event in events[pk][:-1] if event.state in SETTLED]
        still_open = {pk for pk in rows if events[pk][-1].state not in SETTLED}
        assert still_open == set(OpenRename.objects.values_list("pk", flat=True))
        assert self.intents.keys() == rows.keys() >= set(self.aos.sent)

    def is_true(self, row, event):
        """What the ledger says agrees with AOS's own log."""
        versions, made = self.aos.versions[row.subscription_id], self.aos.applied(row.subscription_id, row.pk)
        shown = self.aos.names_shown(row.subscription_id, self.sent_at.get(row.pk, self.looked[row.pk]))
        said = self.aos.answered.get(row.pk, [])
        assert not event.is_observed or event.name_observed in [*shown, *said]
        if event.state == State.CONFIRMED:
            assert made or said or any(is_tidied(name, row.name_wanted) for name in shown)
        if event.state in {State.REJECTED, State.NOT_DONE}:
            assert not made or row.name_seen in [version.name for version in versions[made[0] + 1 :]]

    def teardown(self):
        """Once AOS is well and everybody is back, nothing stays open."""
        try:
            if self.intents:
                self.settle_the_rest()
        finally:
            clean()

    def settle_the_rest(self):
        for person in self.users:
            self.sign_in(person)
        self.time_goes_by(4000, "worker", [])
        self.the_ledger_is_only_added_to_and_true()
        assert not OpenRename.objects.exists()
        for event in RenameEvent.objects.select_related("rename"):
            self.is_true(event.rename, event)


def facts_of(row):
    """All its columns; when it was made, this test makes earlier."""
    return {name: value for name, value in vars(row).items() if name != "created" and name[0] != "_"}


def clean():
    for model in (Notice, OpenRename, RenameEvent, Rename, Turn, Gate, Snapshot, Grant):
        QuerySet(model)._raw_delete(using="default")


@pytest.fixture
def quiet():
    """Nothing is logged: a log of so many runs helps nobody. By `disable`, which also forgets what loggers remember."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("quiet")
@pytest.mark.django_db(transaction=True)
def test_e14_e16_e17_e28_e29_e30_e31_e32_whatever_happens_the_ledger_is_true(wire, alice, bob, monkeypatch):
    monkeypatch.setattr(renaming, "seconds_of_turn", lambda: 0)
    profile = settings(
        max_examples=EXAMPLES or 80,
        derandomize=not EXAMPLES,
        stateful_step_count=20,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Renames(wire, {"alice": alice, "bob": bob}), settings=profile)

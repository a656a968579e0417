"""The rename machine, against an AOS in memory, with the ledger in the database."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from aosportal.passport.tokens import SignInRequired
from subscriptions import ledger, renaming
from subscriptions.answers import Receipt
from subscriptions.aos import Busy, Changed, NoPermission, NotThere, Refused, Subscription, TooSlow, Unusable
from subscriptions.errors import Occupied
from subscriptions.ledger import Finding, State, Wish, made_by_form
from subscriptions.models import OpenRename, Rename, RenameEvent, Turn
from subscriptions.names import fingerprint
from subscriptions.turns import Held

pytestmark = pytest.mark.django_db(transaction=True)
ONE = Subscription("s-1", "sub-1", "Old", "Enabled")
LOST = TooSlow("lost", may_have_happened=True, receipt=Receipt(504))


class Memory:
    """`script` holds, read by read, a name that the list shows or an error that it raises; the last one stays."""

    grant = None

    def __init__(self, *script, answer=None):
        self.script, self.answer = list(script), answer
        self.reads, self.sent = 0, []

    def subscriptions(self):
        self.reads += 1
        shown = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(shown, Exception):
            raise shown
        return [ONE._replace(id="other"), *([] if shown is NotThere else [ONE._replace(name=shown)])]

    def rename(self, subscription_id, name, *, etag, before_sending):
        before_sending()
        self.sent.append((subscription_id, name))
        if isinstance(self.answer, Exception):
            raise self.answer
        return Receipt(200, "corr-1", "req-1", self.answer)


@pytest.fixture
def rename(alice):
    def made(api, wanted="New", seen="Old", typed=None, pauses=None, form=None):
        api.grant = alice.grant
        wish = Wish("s-1", wanted, form or uuid.uuid4())
        sleep = (pauses if pauses is not None else []).append
        return renaming.rename(api, wish, fingerprint(seen), typed=typed, sleep=sleep)

    return made


def states(outcome):
    """The states that the ledger went through."""
    return [event.state for event in outcome.rename.events.order_by("number")]


def test_a_confirmed_name_is_done_and_looked_at_once(rename):
    api = Memory("Old", "New", answer="New")
    outcome = rename(api)
    assert (outcome.state, outcome.before.name, outcome.now.name) == ("done", "Old", "New")
    assert (api.reads, api.sent) == (2, [("s-1", "New")])


def test_e30_a_name_that_aos_changed_is_told(rename):
    outcome = rename(Memory("Old", "new", answer="new"))
    assert (outcome.state, outcome.now.name) == ("different", "new")
    assert states(outcome) == ["pending", "confirmed"]


def test_e30_a_list_that_lags_behind_the_answer_is_told(rename):
    outcome = rename(Memory("Old", answer="New"))
    assert (outcome.state, outcome.now.name, outcome.is_lagging) == ("done", "New", True)
    assert outcome.rename.events.last().reason == "lagging"


def test_e30_another_name_right_after_a_confirmed_one_is_told_and_not_taken_for_ours(rename):
    outcome = rename(Memory("Old", "Theirs", answer="New"))
    assert (outcome.state, outcome.now.name) == ("different", "Theirs")
    assert outcome.rename.events.last().name_observed == "New"


@pytest.mark.parametrize("answer", [None, "Old"])
def test_without_confirmation_the_list_is_read_back(rename, answer):
    api, pauses = Memory("Old", "Old", "New", answer=answer), []
    outcome = rename(api, pauses=pauses)
    assert (outcome.state, outcome.now.name) == ("done", "New")
    assert (api.reads, len(pauses)) == (3, 1)


def test_e30_reading_back_may_show_another_name(rename):
    outcome = rename(Memory("Old", "Newer"))
    assert (outcome.state, outcome.now.name) == ("different", "Newer")
    assert states(outcome) == ["pending", "conflicted"]


def test_e30_a_change_that_never_shows_is_unknown_after_three_looks(rename):
    api, pauses = Memory("Old"), []
    outcome = rename(api, pauses=pauses)
    assert (outcome.state, outcome.now.name, outcome.error) == ("unknown", "Old", None)
    assert (api.reads, len(pauses), len(api.sent)) == (4, 2, 1)
    assert states(outcome) == ["pending", "unknown"]
    assert OpenRename.objects.filter(rename=outcome.rename).exists()


@pytest.mark.parametrize("gone", [Unusable("x"), SignInRequired("x"), NotThere("x"), NotThere])
def test_what_cannot_be_read_back_is_unknown_never_an_exception(rename, gone):
    outcome = rename(Memory("Old", gone))
    assert (outcome.state, outcome.now.name) == ("unknown", "Old")


def test_e28_a_lost_answer_is_done_when_the_list_shows_it(rename):
    api = Memory("Old", "New", answer=LOST)
    assert rename(api).state == "done"
    assert (api.reads, len(api.sent)) == (2, 1)


@pytest.mark.parametrize("shown", ["Old", Busy("x"), SignInRequired("x")])
def test_e28_a_lost_answer_is_otherwise_unknown(rename, shown):
    api = Memory("Old", shown, answer=LOST)
    outcome = rename(api)
    assert (outcome.state, outcome.error) == ("unknown", LOST)
    assert (api.reads, len(api.sent)) == (4, 1)
    assert states(outcome) == ["pending", "unknown"]
    assert outcome.rename.events.last().status == 504


@pytest.mark.parametrize(
    ("answer", "state"), [(LOST, "unknown"), (None, "unknown"), (Changed("x", receipt=Receipt(409)), "rejected")]
)
@pytest.mark.parametrize(("shown", "is_observed"), [("Old", True), (Busy("x"), False), (SignInRequired("x"), False)])
def test_what_could_not_be_read_back_is_not_noted_as_observed(rename, answer, state, shown, is_observed):
    last = rename(Memory("Old", shown, answer=answer)).rename.events.last()
    assert (last.state, last.is_observed) == (state, is_observed)
    assert last.name_observed == ("Old" if is_observed else None)


def test_e28_a_lost_answer_and_a_third_name_is_shown(rename):
    outcome = rename(Memory("Old", "Newer", answer=LOST))
    assert (outcome.state, outcome.now.name) == ("conflict", "Newer")
    assert states(outcome) == ["pending", "conflicted"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NoPermission("x", receipt=Receipt(403)), "rejected"),
        (Refused("x", [], receipt=Receipt(422)), "rejected"),
        (Busy("x", receipt=Receipt(503)), "not_done"),
        (Busy("x", receipt=Receipt(429)), "not_done"),
        (Unusable("not sent"), "not_done"),
    ],
)
def test_an_error_that_did_nothing_is_not_done(rename, error, state):
    api = Memory("Old", answer=error)
    outcome = rename(api)
    assert (outcome.state, outcome.error, outcome.now) == ("not-done", error, ONE)
    assert (api.reads, len(api.sent)) == (1, 1)
    assert states(outcome) == ["pending", state]
    assert not OpenRename.objects.exists()


def test_e14_aos_says_changed_and_it_is(rename):
    outcome = rename(Memory("Old", "Theirs", answer=Changed("x")))
    assert (outcome.state, outcome.now.name) == ("conflict", "Theirs")


def test_aos_says_changed_and_it_is_not(rename):
    outcome = rename(Memory("Old", "Old", answer=Changed("x")))
    assert (outcome.state, outcome.error.status) == ("not-done", 409)


def test_e13_gone_when_sending(rename):
    outcome = rename(Memory("Old", answer=NotThere("x", receipt=Receipt(404))))
    assert (outcome.state, outcome.error.kind) == ("not-done", "not-there")
    assert states(outcome) == ["pending", "rejected"]


def test_gone_before_sending(rename):
    api = Memory(NotThere)
    with pytest.raises(NotThere):
        rename(api)
    assert api.sent == []


@pytest.mark.parametrize(("seen", "now"), [("Old", "Theirs"), (None, ""), ("", None), ("Old", None)])
def test_a_name_changed_since_it_was_seen_is_a_conflict_and_nothing_is_sent(rename, seen, now):
    api = Memory(now)
    outcome = rename(api, seen=seen)
    assert (outcome.state, outcome.now.name, api.sent) == ("conflict", now, [])
    assert states(outcome) == ["pending", "conflicted"]


@pytest.mark.parametrize("seen", ["Old", "New"])
def test_the_name_it_already_has_is_not_sent(rename, seen):
    api = Memory("New")
    assert (rename(api, seen=seen).state, api.sent) == ("unchanged", [])
    assert not Rename.objects.exists()


@pytest.mark.parametrize(
    ("name", "typed"),
    [("  Old ", "  Old "), ("a\nb\r\nc", "abc"), ("a\0b", "a\ufffdb"), ("", ""), (None, "")],
)
def test_d19_an_untouched_field_sends_nothing(rename, name, typed):
    api = Memory(name)
    assert (rename(api, wanted=typed.strip(), seen=name, typed=typed).state, api.sent) == ("unchanged", [])


def test_trimming_a_name_is_a_change(rename):
    api = Memory(" Old ", answer="Old")
    assert rename(api, wanted="Old", seen=" Old ", typed="Old").state == "done"


def test_fingerprints_tell_no_name_from_an_empty_one():
    assert len({fingerprint(None), fingerprint(""), fingerprint("none")}) == 3


def test_e32_a_form_that_is_sent_again_gets_its_answer_again(rename):
    form, api = uuid.uuid4(), Memory("Old", "New", answer="New")
    first, second = rename(api, form=form), rename(api, form=form)
    assert (first.state, second.state, second.now.name) == ("done", "done", "New")
    assert len(api.sent) == 1


def test_e31_a_form_whose_worker_died_is_looked_up_and_not_sent_again(rename, alice):
    form = uuid.uuid4()
    ledger.open_rename(alice.grant, Wish("s-1", "New", form), "Old")
    api = Memory("New")
    assert rename(api, form=form).state == "done"
    assert api.sent == []
    assert [event.state for event in made_by_form(form).events.order_by("number")] == ["pending", "confirmed"]


def test_e13_a_form_sent_again_after_it_was_settled_as_gone_says_so(rename, alice):
    form = uuid.uuid4()
    row = ledger.open_rename(alice.grant, Wish("s-1", "New", form), "Old")
    ledger.record(row, Finding(State.CONFLICTED, reason="not-there"))
    outcome = rename(Memory(NotThere), form=form)
    assert (outcome.state, outcome.error.kind) == ("not-done", "not-there")


def test_the_ledger_keeps_who_what_and_what_aos_said(rename, alice):
    row = rename(Memory("Old", "New", answer="New")).rename
    assert (row.user, row.subject, row.grant_id) == (alice, "sub-alice", alice.grant.pk)
    assert (row.subscription_id, row.name_seen, row.name_wanted) == ("s-1", "Old", "New")
    last = row.events.last()
    assert (last.status, last.correlation_id, last.request_id) == (200, "corr-1", "req-1")
    assert (last.is_observed, last.name_observed) == (True, "New")


def test_the_ledger_is_only_added_to(rename):
    row = rename(Memory("Old", "New", answer="New")).rename
    for forbidden in (
        row.save,
        row.delete,
        row.events.first().save,
        Rename.objects.all().delete,
        lambda: Rename.objects.update(name_wanted="x"),
        lambda: RenameEvent.objects.update(state="confirmed"),
    ):
        with pytest.raises(TypeError, match="only ever added"):
            forbidden()


def test_a_deleted_person_leaves_the_ledger(rename, alice):
    row = rename(Memory("Old", "New", answer="New")).rename
    alice.delete()
    kept = Rename.objects.get(pk=row.pk)
    assert (kept.user, kept.subject, kept.events.count()) == (None, "sub-alice", 2)


@pytest.mark.parametrize("name", ["a\0b", "back\\slash", "\\0", "\\\0\\", "emoji \U0001f600"])
def test_e25_any_name_is_kept_as_it_is(rename, name):
    row = rename(Memory(name, "New", answer="New"), seen=name).rename
    assert Rename.objects.get(pk=row.pk).name_seen == name


def test_e32_a_subscription_that_somebody_is_renaming_is_waited_for_and_then_given_up(rename, monkeypatch):
    monkeypatch.setattr(renaming, "seconds_of_turn", lambda: 0.3)
    Held("s-1").take()
    api = Memory("Old")
    with pytest.raises(Occupied):
        rename(api)
    assert (api.reads, api.sent) == (0, [])


def test_a_turn_that_was_lost_meanwhile_sends_nothing(rename):
    class Stolen(Memory):
        def rename(self, *args, **kwargs):
            Turn.objects.update(holder=uuid.uuid4())
            return super().rename(*args, **kwargs)

    api = Stolen("Old")
    outcome = rename(api)
    assert (outcome.state, outcome.error.kind, api.sent) == ("not-done", "occupied", [])
    assert states(outcome) == ["pending", "not_done"]


def test_a_killed_workers_turn_runs_out(rename):
    Turn.objects.create(subscription_id="s-1", holder=uuid.uuid4(), until=timezone.now() - timedelta(seconds=1))
    assert rename(Memory("Old", "New", answer="New")).state == "done"
    assert not Turn.objects.exists()

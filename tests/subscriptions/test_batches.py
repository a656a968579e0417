"""Batches at work, with AOS faked at the wire: claims, pauses, rests, and what the ledger has afterwards."""

import json
import threading
import time
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from aosportal.passport import people, tokens
from aosportal.passport.models import Admission, Grant
from subscriptions import batches, batching, ledger, snapshots
from subscriptions.aos import AOS
from subscriptions.models import Batch, OpenRename, Rename, RenameEvent
from subscriptions.planning import PlannedRow
from subscriptions.turns import Held
from tests.conftest import grant_of

from .fake_aos import FakeAOS, Reply, item
from .ledgers import states

pytestmark = pytest.mark.django_db(transaction=True)
State = Batch.State


@pytest.fixture
def aos(wire, alice, token):
    fake = FakeAOS(wire)
    fake.items[token(alice)] = [item(f"s-{number}", f"Old {number}") for number in range(1, 61)]
    return fake


@pytest.fixture
def start(alice, aos):
    """Begin to rename so many of Alice's subscriptions, from the first on; return the batch."""

    def started(count):
        rows = [PlannedRow(f"s-{number}", f"Old {number}", f"New {number}") for number in range(1, count + 1)]
        batch = batches.plan(alice.grant, rows)
        assert batches.go_on(batch, alice.grant, since=State.PLANNED)
        return batch

    return started


def work():
    batching.run_batches.call()


def stands(batch):
    batch.refresh_from_db()
    return batch.state, batch.trouble, batches.counts(batch)


def rest_is_over(batch):
    """As if the time had passed until a worker may take it up."""
    Batch.objects.filter(pk=batch.pk).update(free_at=timezone.now() - timedelta(seconds=1))


def wanted(aos):
    return Counter(body["displayName"] for _path, body in aos.sent)


def reads(aos):
    return [request.method for request in aos.requests].count("GET")


def test_every_row_is_sent_once_through_the_ledger(start, aos, alice):
    batch = start(60)
    work()
    assert stands(batch) == (State.DONE, "", {"done": 60})
    assert set(wanted(aos).values()) == {1}
    assert len(aos.sent) == 60
    assert reads(aos) == 2  # one for each fifty: every answer told the name
    assert set(Rename.objects.values_list("batch_id", "user", "grant_id")) == {(batch.pk, alice.pk, alice.grant.pk)}
    assert len({event.request_id for event in RenameEvent.objects.filter(state="confirmed")}) == 60


def test_where_answers_do_not_tell_the_name_the_list_is_read_once_for_all(start, aos):
    aos.confirms = False
    batch = start(60)
    work()
    assert stands(batch) == (State.DONE, "", {"done": 60})
    assert (reads(aos), len(aos.sent)) == (4, 60)
    assert set(RenameEvent.objects.filter(state="confirmed").values_list("status", flat=True)) == {200}


def test_each_kind_of_row_ends_as_it_is(start, aos, alice, token):
    rows = aos.items[token(alice)]
    rows[0]["displayName"], rows[1]["displayName"], rows[2]["id"] = "Theirs", "New 2", "gone"
    batch = start(5)
    aos.makes = str.upper
    work()
    assert stands(batch)[2] == {"conflict": 1, "unchanged": 1, "failed": 1, "different": 2}
    assert sorted(wanted(aos)) == ["New 4", "New 5"]


def test_problems_and_what_is_left_out_are_never_sent(start, aos, alice):
    batch = batches.plan(
        alice.grant,
        [
            PlannedRow("s-1", "Old 1", "", "empty"),
            PlannedRow("s-2", "Old 2", "New 2"),
            PlannedRow("s-3", "Old 3", "New 3"),
        ],
    )
    batches.choose(batch, shown=[1, 2, 3], chosen=[1, 3])
    batches.go_on(batch, alice.grant, since=State.PLANNED)
    batches.choose(batch, shown=[2], chosen=[2])  # too late
    work()
    assert list(wanted(aos)) == ["New 3"]
    assert stands(batch)[2] == {"left-out": 2, "done": 1}


def test_a_name_that_aos_refuses_fails_alone(start, aos):
    aos.puts = [Reply.of({"title": "no", "errors": {"displayName": ["Reserved."]}}, 400)]
    aos.applies = False
    batch = start(1)
    work()
    assert stands(batch) == (State.DONE, "", {"failed": 1})
    assert len(aos.sent) == 1


def test_a_lost_answer_is_looked_for_and_never_sent_again(start, aos):
    aos.puts = [Reply.of({}, 500)]
    batch = start(1)
    work()
    assert stands(batch) == (State.DONE, "", {"done": 1})
    assert (len(aos.sent), reads(aos)) == (1, 2)


def test_what_the_list_does_not_show_yet_is_not_known_and_open(start, aos):
    aos.applies, aos.confirms = False, False
    batch = start(1)
    work()
    assert stands(batch) == (State.DONE, "", {"unknown": 1})
    assert OpenRename.objects.count() == 1


def test_a_list_that_cannot_be_read_afterwards_leaves_it_unknown(start, aos):
    aos.confirms = False
    aos.gets = [Reply.of(next(iter(aos.items.values()))), *[Reply(500, "<h1>")] * 3]
    batch = start(2)
    work()
    assert stands(batch) == (State.DONE, "", {"unknown": 2})


@pytest.mark.parametrize("status", [429, 503])
def test_while_aos_is_busy_the_batch_rests_and_then_goes_on(start, aos, status):
    aos.applies = False
    aos.puts = [Reply.of({}, status, **{"Retry-After": "30"})] * 60
    batch = start(60)
    work()
    state, trouble, counts = stands(batch)
    assert (state, trouble) == (State.RUNNING, "busy")
    assert counts["waiting"] == 60
    assert len(aos.sent) <= 8  # those that were under way
    assert batch.free_at - timezone.now() > timedelta(seconds=20)
    work()  # nothing is due
    assert not batching.wake()
    assert len(aos.sent) <= 8


def test_a_row_that_aos_is_too_busy_for_each_time_fails_after_five_tries(start, aos):
    aos.applies = False
    aos.puts = [Reply.of({}, 429)] * 60
    batch = start(1)
    for _ in range(6):
        rest_is_over(batch)
        work()
    assert stands(batch) == (State.DONE, "", {"failed": 1})
    assert Rename.objects.count() == 5


def test_an_aos_that_gives_no_list_is_waited_for(start, aos):
    aos.gets = [Reply(503, "<h1>")] * 3
    batch = start(1)
    work()
    assert stands(batch) == (State.RUNNING, "busy", {"waiting": 1})
    assert Rename.objects.count() == 0
    rest_is_over(batch)
    assert batching.wake()
    work()
    assert stands(batch)[2] == {"done": 1}


def test_an_aos_that_forbids_the_list_pauses(start, aos):
    aos.gets = [Reply.of({}, 403)]
    batch = start(1)
    work()
    assert stands(batch)[:2] == (State.PAUSED, "no-permission")


ENDINGS = {
    "signs out": lambda alice: people.end_here(Grant.objects.filter(pk=alice.grant.pk), "signed out"),
    "is disabled": lambda alice: (setattr(alice, "is_active", False), alice.save()),
    "loses the grant": lambda alice: Grant.objects.filter(pk=alice.grant.pk).update(**Grant.over("revoked")),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_batch_whose_owner_goes_pauses_before_its_next_row(start, aos, alice, ending, settings):
    settings.BATCH_CALLS = 1
    batch = start(10)
    aos.on_put = lambda: len(aos.sent) == 3 and ENDINGS[ending](alice)
    work()
    assert stands(batch) == (State.PAUSED, "signed-out", {"done": 4, "waiting": 6})
    work()
    assert not batching.wake()
    assert len(aos.sent) == 4


def test_somebody_who_is_no_longer_admitted_has_no_batch_running(start, aos, alice, settings):
    settings.ADMIT = "listed"
    Admission.objects.create(user=alice)
    batch = start(1)
    Admission.objects.all().delete()
    work()
    assert stands(batch)[:2] == (State.PAUSED, "signed-out")
    assert aos.requests == []


def test_continue_goes_on_with_the_new_sign_in(start, aos, alice, token):
    batch = start(2)
    people.end_here(Grant.objects.filter(pk=alice.grant.pk), "signed out")
    work()
    assert stands(batch)[:2] == (State.PAUSED, "signed-out")

    fresh = grant_of(alice, "fresh")
    aos.items["fresh"] = next(iter(aos.items.values()))
    assert batches.go_on(batch, fresh, since=State.PAUSED)
    work()
    assert stands(batch) == (State.DONE, "", {"done": 2})


def test_pause_is_heard_before_the_next_row(start, aos, settings):
    settings.BATCH_CALLS = 1
    batch = start(5)
    aos.on_put = lambda: batches.pause(batch)
    work()
    assert stands(batch) == (State.PAUSED, "asked", {"done": 1, "waiting": 4})


def test_a_worker_that_is_to_end_finishes_its_row_and_lets_go(start, aos, settings):
    settings.BATCH_CALLS = 1
    batch = start(5)
    aos.on_put = batching.ending.set
    try:
        work()
    finally:
        batching.ending.clear()
    aos.on_put = lambda: None
    assert stands(batch) == (State.RUNNING, "", {"done": 1, "waiting": 4})
    work()
    assert stands(batch)[2] == {"done": 5}
    assert set(wanted(aos).values()) == {1}


def test_at_most_so_many_calls_at_once(start, aos, settings):
    settings.BATCH_CALLS = 3
    under_way, counts = set(), []

    def put():
        under_way.add(threading.get_ident())
        counts.append(len(under_way))
        time.sleep(1)  # longer than rows wait for each other at the database
        under_way.remove(threading.get_ident())

    aos.on_put = put
    start(9)
    work()
    assert max(counts) == 3


def test_two_workers_share_a_batch_out_and_send_nothing_twice(start, aos):
    batch = start(60)
    workers = [threading.Thread(target=work_in_a_thread) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    work()
    assert stands(batch)[2] == {"done": 60}
    assert set(wanted(aos).values()) == {1}


def work_in_a_thread():
    work()
    connections.close_all()


def test_a_batch_that_a_worker_holds_is_left_to_it_until_its_claim_runs_out(start, aos):
    batch = start(1)
    assert batching._take().pk == batch.pk  # and is killed
    assert not batching.wake()
    work()
    assert aos.requests == []
    rest_is_over(batch)
    assert batching.wake()
    work()
    assert stands(batch)[2] == {"done": 1}


def test_a_worker_that_has_lost_its_claim_begins_no_row(start, aos, settings):
    settings.BATCH_CALLS = 1
    batch = start(5)
    aos.on_put = lambda: Batch.objects.filter(pk=batch.pk).update(claim=uuid.uuid4())
    work()
    assert stands(batch) == (State.RUNNING, "", {"done": 1, "waiting": 4})
    assert batch.free_at > timezone.now()  # it is the other's to let go


def test_a_worker_keeps_its_claim_row_by_row_and_begins_none_after_it_has_run_out(start, aos, settings):
    settings.BATCH_CALLS = 1
    batch, left = start(4), []

    def put():
        left.append((Batch.objects.get().free_at - timezone.now()).total_seconds())
        seconds = -1 if len(left) == 2 else 9
        Batch.objects.update(free_at=timezone.now() + timedelta(seconds=seconds))

    aos.on_put = put
    work()
    assert min(left) > 10
    assert stands(batch)[2] == {"done": 4}
    assert reads(aos) == 2  # it took the batch up anew


def test_two_workers_that_see_the_same_batch_do_not_both_take_it(start, aos):
    batch, taken = start(1), []

    def wrapper(execute, sql, *rest):
        if sql.startswith('UPDATE "subscriptions_batch"') and not taken:
            taken.append(None)
            taken.append(batching._take())
        return execute(sql, *rest)

    with connections["default"].execute_wrapper(wrapper):
        assert batching._take() is None
    assert taken[1].pk == batch.pk


def test_without_a_token_the_row_waits_for_passport(start, aos, monkeypatch):
    token_for, asked = tokens.access_token_for, []

    def once(grant):
        asked.append(grant)
        if len(asked) == 2:
            raise tokens.PassportUnavailable("ill")
        return token_for(grant)

    monkeypatch.setattr(tokens, "access_token_for", once)
    batch = start(1)
    work()
    assert stands(batch) == (State.RUNNING, "passport", {"waiting": 1})
    rest_is_over(batch)
    work()
    assert stands(batch) == (State.DONE, "", {"done": 1})
    assert len(aos.sent) == 1


def test_what_a_killed_worker_had_begun_is_looked_for_and_not_sent(start, aos, alice, token):
    batch = start(3)
    sent, intended, _ = batch.rows.all()
    for row in (sent, intended):
        wish = ledger.Wish(row.subscription_id, row.name_wanted, row.rename_id, batch_id=batch.pk)
        ledger.open_rename(alice.grant, wish, row.name_seen)
    aos.items[token(alice)][0]["displayName"] = "New 1"
    work()
    assert stands(batch) == (State.DONE, "", {"done": 2, "unknown": 1})
    assert list(wanted(aos)) == ["New 3"]


def test_a_name_that_somebody_gave_by_hand_meanwhile_is_not_overwritten(start, aos, alice, settings):
    settings.BATCH_CALLS = 1
    batch = start(2)

    def put():
        by_hand = ledger.open_rename(alice.grant, ledger.Wish("s-2", "Mine", uuid.uuid4()), "Old 2")
        ledger.record(by_hand, ledger.Finding(ledger.State.CONFIRMED, is_observed=True, name="Mine"))

    aos.on_put = put
    work()
    assert stands(batch)[2] == {"done": 1, "failed": 1}
    assert list(wanted(aos)) == ["New 1"]


def test_e32_a_name_that_was_on_its_way_while_the_list_was_read_is_not_overwritten(start, aos, alice, settings):
    """The intent is older than the list, and AOS makes the change after it."""
    settings.BATCH_CALLS = 1
    batch, held = start(2), Held("s-2")
    assert held.take()
    by_hand = ledger.open_rename(alice.grant, ledger.Wish("s-2", "Mine", uuid.uuid4()), "Old 2")

    def put():
        ledger.record(by_hand, ledger.Finding(ledger.State.CONFIRMED, is_observed=True, name="Mine"))
        held.give_up()

    aos.on_put = put
    work()
    assert list(wanted(aos)) == ["New 1"]
    assert stands(batch)[2] == {"done": 1, "failed": 1}
    assert states(by_hand) == ["pending", "confirmed"]  # the list said nothing about it


def test_a_rename_that_ended_before_the_list_was_read_is_in_nobodys_way(start, aos, alice):
    by_hand = ledger.open_rename(alice.grant, ledger.Wish("s-1", "Old 1", uuid.uuid4()), "Older")
    ledger.record(by_hand, ledger.Finding(ledger.State.CONFIRMED, is_observed=True, name="Old 1"))
    ledger.open_rename(alice.grant, ledger.Wish("s-2", "x", uuid.uuid4()), "Old 2")  # and nobody knows
    batch = start(2)
    work()
    assert stands(batch)[2] == {"done": 2}


def test_a_row_that_a_worker_still_sends_when_the_batch_is_done_is_never_left_waiting(start, aos):
    """Its claim has run out, another worker finds nothing more to do, and only then AOS says that it is too busy."""
    aos.applies, aos.puts = False, [Reply.of({}, 429, **{"Retry-After": "30"})]
    batch = start(1)

    def put():
        aos.on_put = lambda: None
        rest_is_over(batch)
        work_in_a_thread()

    aos.on_put = put
    work()
    assert stands(batch) == (State.DONE, "", {"failed": 1})
    assert batches.try_again(batch, Grant.objects.get(), [1]) == 1


def test_a_list_that_was_read_while_a_change_was_on_its_way_is_not_kept(start, aos, alice):
    aos.on_put = lambda: snapshots.listed(alice.grant, AOS(alice.grant).subscriptions, anew=True)
    start(1)
    work()
    names = [each.name for each in snapshots.listed(alice.grant, AOS(alice.grant).subscriptions).subscriptions]
    assert names[:2] == ["New 1", "Old 2"]


def test_failed_rows_are_tried_again_by_choice(start, aos, alice, token):
    aos.items[token(alice)][0]["displayName"] = "Theirs"
    aos.puts, aos.applies = [Reply.of({}, 400)] * 2, False
    batch = start(3)
    work()
    assert stands(batch)[2] == {"conflict": 1, "failed": 2}
    aos.applies = True
    assert batches.try_again(batch, alice.grant, [1, 2]) == 2
    work()
    assert stands(batch) == (State.DONE, "", {"done": 2, "failed": 1})
    assert Rename.objects.filter(batch_id=batch.pk).count() == 5


def test_where_nothing_failed_there_is_nothing_to_try_again(start, aos, alice):
    batch = start(2)
    work()
    for numbers in ([1, 2], [], [99]):
        assert batches.try_again(batch, alice.grant, numbers) == 0
        assert stands(batch) == (State.DONE, "", {"done": 2})
    assert not batching.wake()


def test_trying_again_twice_begins_once(start, aos, alice):
    aos.puts, aos.applies = [Reply.of({}, 400)], False
    batch = start(1)
    work()
    assert [batches.try_again(batch, alice.grant, [1]) for _ in range(2)] == [1, 0]
    aos.applies = True
    work()
    assert batches.try_again(batch, alice.grant, [1]) == 0
    assert stands(batch) == (State.DONE, "", {"done": 1})
    assert len(aos.sent) == 2


def test_batches_take_turns(start, aos, alice, bob, token, settings):
    settings.BATCH_CALLS = 1
    aos.items[token(bob)] = [item("s-61", "Old")]
    start(60)
    theirs = batches.plan(bob.grant, [PlannedRow("s-61", "Old", "Bob's")])
    batches.go_on(theirs, bob.grant, since=State.PLANNED)
    work()
    order = [json.loads(request.body)["displayName"] for request in aos.requests if request.method == "PUT"]
    assert order.index("Bob's") == 50


def test_the_next_fifty_are_made_ready_before_the_last_of_these_is_sent(start, aos, settings):
    settings.BATCH_CALLS = 1
    batch = start(60)
    work()
    assert stands(batch) == (State.DONE, "", {"done": 60})
    methods = "".join(request.method[0] for request in aos.requests)
    assert methods == "G" + "P" * 49 + "G" + "P" * 11


def test_all_threads_go_on_however_long_the_list_takes_between_two_fifties(start, aos, settings):
    settings.BATCH_CALLS, under_way, most = 4, [0], []

    def count():
        under_way[0] += 1
        most.append(under_way[0])
        time.sleep(0.2)
        under_way[0] -= 1

    aos.on_get, aos.on_put = lambda: time.sleep(0.4), count
    batch = start(60)
    work()
    assert stands(batch) == (State.DONE, "", {"done": 60})
    assert max(most[-8:]) > 1


def test_the_queue_gets_one_task_however_often_it_is_woken(start):
    start(1)
    assert [batching.wake(), batching.wake()] == [True, False]
    assert DBTaskResult.objects.count() == 1


def test_old_plans_and_tasks_are_forgotten(start, alice):
    confirmed, planned = start(1), batches.plan(alice.grant, [PlannedRow("s-1", "Old 1", "New 1")])
    batching.wake()
    work()
    DBTaskResult.objects.update(status="SUCCESSFUL", enqueued_at=timezone.now() - timedelta(days=2))
    Batch.objects.update(created=timezone.now() - timedelta(days=2))
    batches.purge()
    batches.purge_tasks()
    assert list(Batch.objects.values_list("pk", flat=True)) == [confirmed.pk] != [planned.pk]
    assert not DBTaskResult.objects.exists()

"""Lists kept in a process's memory: only what the database holds at this moment is given out."""

import pytest

from subscriptions import list_memory
from subscriptions.answers import Subscription
from subscriptions.list_memory import ListMemory

ONE = [Subscription("s-1", "", "Old name", "Enabled")]


@pytest.fixture
def memory():
    return ListMemory()


def decoded(calls, found):
    def decode():
        calls.append(None)
        return found

    return decode


def test_the_same_ciphertext_is_decoded_once(memory):
    calls = []
    assert [memory.get("alice", "sealed", decoded(calls, ONE)) for _ in range(3)] == [ONE] * 3
    assert len(calls) == 1


def test_another_ciphertext_and_another_person_are_decoded_anew(memory):
    calls = []
    for key, sealed in (("alice", "sealed"), ("alice", "other"), ("bob", "other"), ("alice", "sealed")):
        memory.get(key, sealed, decoded(calls, ONE))
    assert len(calls) == 4  # and of each person the last one alone is kept


def test_what_cannot_be_decoded_is_not_kept(memory):
    def fails():
        raise ValueError("cannot")

    for _ in range(2):
        with pytest.raises(ValueError, match="cannot"):
            memory.get("alice", "sealed", fails)


def test_what_was_not_used_for_longest_goes_first(memory, monkeypatch):
    monkeypatch.setattr(list_memory, "_MOST", 4)  # a list counts one more than it has
    calls = []
    for key in ("alice", "bob", "alice", "carol", "alice", "bob"):
        memory.get(key, "sealed", decoded(calls, ONE))
    assert len(calls) == 4  # alice, bob, carol, and bob again


def test_empty_lists_go_too(memory, monkeypatch):
    monkeypatch.setattr(list_memory, "_MOST", 2)
    calls = []
    for key in ("alice", "bob", "carol", "alice"):
        memory.get(key, "sealed", decoded(calls, []))
    assert len(calls) == 4


def test_a_list_longer_than_all_that_is_kept_is_kept_alone(memory, monkeypatch):
    monkeypatch.setattr(list_memory, "_MOST", 2)
    calls = []
    for _ in range(2):
        assert memory.get("alice", "sealed", decoded(calls, ONE * 5)) == ONE * 5
    assert len(calls) == 1

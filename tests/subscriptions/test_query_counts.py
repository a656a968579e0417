"""How many database queries a page takes (issue 8): to ask one takes longer than most of what a page does."""

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session

from aosportal.passport.models import Grant
from subscriptions import gates, waiting
from tests.subscriptions.pages import words

LIST = "/subscriptions/"
RELOAD = {"Cache-Control": "max-age=0"}
HTMX = {"HX-Request": "true"}
# Each begins with the session, and the sign-in with its person.
PAGES = {
    "kept list": (LIST, {}, 5),  # what waits to be told, the kept list, the change freeze
    "list read anew": (LIST, RELOAD, 6),  # and keeps it
    "search": (f"{LIST}?q=x", HTMX, 4),  # nothing found: no row to rename, so no freeze to ask for
    "history": (f"{LIST}renames/", {}, 5),  # how many, the freeze, what waits
    "form to rename": (f"{LIST}s-1/rename/", {}, 7),  # the freeze, to know and to show it; drafts: old ones go
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_takes_so_many_queries(hers, django_assert_num_queries, monkeypatch, page):
    monkeypatch.setattr(gates, "_MEMORY", 60)  # seconds: the gate is not asked for again, however slow the machine
    path, headers, count = PAGES[page]
    hers.get(LIST)
    with django_assert_num_queries(count):
        assert hers.get(path, headers=headers).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/login/", "/signed-out/"])
def test_who_has_no_session_costs_one_query(client, django_assert_num_queries, path):
    """Whether there is a change freeze, or an announcement."""
    with django_assert_num_queries(1):
        assert client.get(path).status_code in {200, 302}


def test_a_list_of_many_takes_no_more(hers, aos, django_assert_num_queries):
    ((token, (one,)),) = aos.items.items()
    aos.items[token] = [{**one, "id": f"s-{number}"} for number in range(50)]
    hers.get(LIST, headers=RELOAD)
    with django_assert_num_queries(5):
        hers.get(LIST)


def test_who_has_a_role_is_asked_about_it_once(hers, alice, django_assert_num_queries):
    alice.groups.add(Group.objects.get(name="Auditors"))
    hers.get(LIST)
    with django_assert_num_queries(6):
        assert "Audit" in words(hers.get(LIST))


def test_a_session_from_before_a_change_of_password_is_not_taken_for_the_sign_in(hers):
    session = hers.session
    session[HASH_SESSION_KEY] = "another"
    session.save()
    assert hers.get(LIST).headers["Location"].startswith("/login/")


def test_a_session_of_one_with_the_sign_in_of_another_is_over(hers, bob):
    Grant.objects.exclude(user=bob).update(user=bob)
    assert hers.get(LIST).headers["Location"].startswith("/login/")
    assert not Session.objects.filter(pk=hers.session.session_key).exists()


def test_what_waits_is_looked_up_once_until_something_was_found_out(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert waiting.waiting_for(alice) == waiting.waiting_for(alice) == (False, False, False)
    waiting.look_again(alice)
    with django_assert_num_queries(1):
        waiting.waiting_for(alice)

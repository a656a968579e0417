"""Renaming many through its pages: select, preview, confirm, progress, result, again, undo."""

import html
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tasks_db.models import DBTaskResult

from aosportal.passport import people
from aosportal.passport.models import Grant
from subscriptions import batches, batching, planning
from subscriptions.models import Batch, Rename
from subscriptions.planning import PlannedRow
from tests.conftest import browser, grant_of, sign_in

from .fake_aos import Reply, item
from .pages import words

pytestmark = pytest.mark.django_db(transaction=True)
START = "/subscriptions/rename-many/"


@pytest.fixture
def mine(hers, alice, aos, token):
    """Alice's browser; she has Shop, Blog and Test."""
    aos.items[token(alice)] = [item("s-1", "Shop"), item("s-2", "Blog"), item("s-3", "Test", state="Disabled")]
    return hers


def names(aos, alice, token):
    return {each["id"]: each["displayName"] for each in aos.items[token(alice)]}


def plan(client, **fields):
    """Send the form of changes; return the answer to its preview."""
    answer = client.post(START, {"plan": "edit", **fields})
    assert answer.status_code == 302, words(answer)
    return client.get(answer["Location"])


def table(client, text, **fields):
    return client.post(START, {"plan": "table", "table": text, **fields})


def confirm(client, preview, **fields):
    path = preview.request["PATH_INFO"]
    ticked = re.findall(r'name="row"\s+value="(\d+)"[^>]*\schecked', preview.content.decode())
    shown = re.search(r'name="shown"\s+value="([^"]*)"', preview.content.decode())[1]
    answer = client.post(path, {"do": "confirm", "row": ticked, "shown": shown, **fields})
    assert (answer.status_code, answer["Location"]) == (302, path)
    return path


def finish(client, path):
    batching.run_batches.call()
    return client.get(path)


def rows(response):
    """Each row's words."""
    return [
        words_of(row) for row in re.findall(r"<tr role=\"row\">.*?</tr>", response.content.decode(), flags=re.S)[1:]
    ]


def words_of(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


def test_selected_rows_go_from_the_list_to_the_result(mine, aos, alice, token):
    listed = mine.get("/subscriptions/").content.decode()
    assert 'value="s-1"' in listed
    form = mine.post(START, {"id": ["s-1", "s-3"]})
    assert "2 selected" in words(form)
    preview = plan(mine, ids="s-1 s-3", find="s", replace="Z", front="EU ", end="")
    assert rows(preview) == ["EU Zhop was Shop s-1", "EU TeZt was Test s-3"]
    assert aos.sent == []
    path = confirm(mine, preview)
    assert "0 of 2 settled" in words(mine.get(path))
    result = finish(mine, path)
    assert "2 renamed" in words(result)
    assert rows(result) == ["EU Zhop was Shop Done s-1", "EU TeZt was Test Done s-3"]
    assert names(aos, alice, token) == {"s-1": "EU Zhop", "s-2": "Blog", "s-3": "EU TeZt"}


def test_all_that_match_means_what_the_list_shows(mine):
    listed = mine.get("/subscriptions/?q=o").content.decode()
    address = html.unescape(re.search(r'href="([^"]*rename-many[^"]*)"', listed)[1])
    form = mine.get(address)
    assert "All that the list shows for “o”: 2." in words(form)
    preview = plan(mine, all="1", q="o", state="", ids="", front="x ")
    assert [row.split(" was")[0] for row in rows(preview)] == ["x Blog", "x Shop"]
    preview = plan(mine, all="1", q="", state="Disabled", front="x ")
    assert len(rows(preview)) == 1


def test_a_confirmed_batch_is_queued_once_however_often_it_is_confirmed(mine, aos):
    preview = plan(mine, ids="s-1", front="x ")
    path = confirm(mine, preview)
    assert confirm(mine, preview) == path
    finish(mine, path)
    assert len(aos.sent) == 1


def test_problems_are_marked_and_stay_out(mine, aos):
    answer = table(mine, "id,newName\ns-1,\ns-2,Blog\ns-3,Shop\nnope,New\n")
    preview = mine.get(answer["Location"])
    assert [re.search(r"(Empty|Unchanged|Same name|Unknown id)", row)[1] for row in rows(preview)] == [
        "Empty",
        "Unchanged",
        "Same name",
        "Unknown id",
    ]
    assert "1 of 4 will be renamed" in words(preview)
    assert len(rows(mine.get(answer["Location"] + "?show=problems"))) == 3
    assert len(rows(mine.get(answer["Location"] + "?show=duplicates"))) == 1
    finish(mine, confirm(mine, preview))
    assert [body["displayName"] for _path, body in aos.sent] == ["Shop"]


def test_rows_can_be_left_out_page_by_page(mine, aos, alice, monkeypatch):
    from subscriptions import batch_views

    monkeypatch.setattr(batch_views, "_ROWS", 2)
    path = plan(mine, all="1", front="x ").request["PATH_INFO"]
    answer = mine.post(path, {"shown": "1 2", "row": ["2"], "page": "2"})
    assert answer["Location"] == f"{path}?page=2"
    assert "2 of 3 will be renamed" in words(mine.get(answer["Location"]))
    mine.post(path, {"do": "confirm", "shown": "3", "row": []})
    finish(mine, path)
    assert len(aos.sent) == 1
    assert batches.counts(Batch.objects.get()) == {"left-out": 2, "done": 1}


def test_with_nothing_ticked_nothing_begins(mine):
    path = plan(mine, ids="s-1", front="x ").request["PATH_INFO"]
    mine.post(path, {"do": "confirm", "shown": "1", "row": []})
    assert Batch.objects.get().state == "planned"
    preview = words(mine.get(path))
    assert "Nothing is ticked, so nothing will be renamed." in preview
    assert "Rename what is ticked" in preview


def test_what_cannot_be_renamed_has_no_button(mine):
    preview = words(mine.get(table(mine, "id,newName\nnobody,x")["Location"]))
    assert "Nothing can be renamed as it is." in preview
    assert "Rename what is ticked" not in preview
    assert "Keep these ticks" not in preview


def test_the_round_trip_through_a_spreadsheet(mine, aos, alice, token):
    aos.items[token(alice)][0]["displayName"] = "=SUM(A1)"
    exported = b"".join(mine.get(START + "list.csv")).decode()
    assert "'=SUM(A1)" in exported
    edited = exported.replace("s-2,Blog,Blog", "s-2,Blog,Journal")
    aos.items[token(alice)][2]["displayName"] = "Renamed since"
    edited = edited.replace("s-3,Test,Test", "s-3,Test,Trial")
    file = SimpleUploadedFile("edited.csv", edited.encode(), content_type="text/csv")
    preview = mine.get(mine.post(START, {"plan": "table", "table": "", "file": file})["Location"])
    assert [("Unchanged" in row, "Changed since" in row) for row in sorted(rows(preview))] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    finish(mine, confirm(mine, preview))
    assert names(aos, alice, token)["s-2"] == "Journal"
    assert len(aos.sent) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"plan": "edit", "ids": "s-1"}, "Type what to find"),
        ({"plan": "edit", "ids": "", "front": "x"}, "Nothing is selected"),
        ({"plan": "edit", "ids": "gone", "front": "x"}, "Nothing is selected"),
        ({"plan": "edit", "ids": "s-1", "find": "a\0b"}, "Null characters"),
        ({"plan": "table", "table": ""}, "Paste a table"),
        ({"plan": "table", "table": "id,state\na,b"}, "newName"),
        ({"plan": "table", "table": 'a,"b'}, "Line 1"),
        ({"plan": "nonsense", "ids": "s-1"}, ""),
    ],
)
def test_what_cannot_be_planned_is_said_and_kept(mine, fields, said):
    answer = mine.post(START, fields)
    assert answer.status_code == 422
    assert said in words(answer)
    for name in ("front", "table"):
        assert html.escape(fields.get(name, ""), quote=False)[:3] in html.unescape(answer.content.decode())
    assert not Batch.objects.exists()


def test_more_than_may_be_done_at_once_is_refused(mine, monkeypatch):
    from subscriptions import many_forms

    monkeypatch.setattr(many_forms, "MOST_ROWS", 2)
    answer = mine.post(START, {"plan": "edit", "all": "1", "front": "x"})
    assert "These are 3" in words(answer)


@pytest.mark.parametrize("size", [2_000_001, 3_000_000])
def test_a_file_that_is_too_large_is_refused_in_words(mine, size):
    file = SimpleUploadedFile("large.csv", b"x" * size)
    answer = mine.post(START, {"plan": "table", "table": "", "file": file})
    assert (answer.status_code, "larger than 2 MB" in words(answer)) == (422, True)


def test_change_brings_the_form_back_as_it_was(mine):
    preview = plan(mine, ids="s-1 s-2", find="<b>", replace="y", front=" x", end="")
    address = re.search(r'href="([^"]*\?again=[^"]*)"', preview.content.decode())[1]
    page = mine.get(address)
    assert "2 selected" in words(page)
    assert 'value="&lt;b&gt;"' in page.content.decode()
    assert 'value=" x"' in page.content.decode()
    confirm(mine, preview)
    assert Batch.objects.get().asked == ""


@pytest.mark.parametrize("again", ["", "nonsense", uuid.uuid4()])
def test_no_such_form_is_an_empty_one(mine, again):
    assert "Nothing is selected yet" in words(mine.get(f"{START}?again={again}"))


def test_what_was_typed_survives_an_aos_that_is_down(mine, aos):
    aos.gets = [Reply(500, "<h1>")] * 3
    answer = mine.post(START, {"plan": "edit", "ids": "s-1", "front": "Typed "})
    assert answer.status_code == 502
    assert 'value="Typed "' in answer.content.decode()
    assert "Nothing was sent" in words(answer)


def ticket(page):
    return re.search(r'name="ticket" value="([^"]*)"', page.content.decode())[1]


@pytest.mark.parametrize(
    "fields",
    [
        {"plan": "edit", "ids": "s-1", "front": "Typed "},
        {"plan": "table", "table": "id,newName\r\ns-1,Typed \r\n" + "x,y\r\n" * 5000},
    ],
    ids=["edit", "table"],
)
def test_what_was_typed_survives_a_sign_in_in_between(mine, alice, fields):
    form = {**fields, "ticket": ticket(mine.post(START, {"id": "s-1"}))}
    mine.logout()
    answer = mine.post(START, form)
    assert "/login/" in answer["Location"]
    sign_in(mine, alice)
    page = mine.get(START)
    assert "We kept what you typed" in words(page)
    assert "Typed " in page.content.decode()
    assert mine.post(START, fields).status_code == 302
    assert "We kept" not in words(mine.get(START))


def test_without_a_ticket_nothing_is_kept(mine, alice):
    mine.logout()
    mine.post(START, {"plan": "edit", "ids": "s-1", "front": "Typed "})
    sign_in(mine, alice)
    assert "Typed" not in mine.get(START).content.decode()


def test_what_was_typed_survives_aos_asking_for_a_sign_in(mine, aos, alice, token, aps):
    form = mine.post(START, {"id": "s-1"})
    assert form.status_code == 200
    del aos.items[token(alice)]
    Grant.objects.update(refresh_token="")
    answer = mine.post(START, {"plan": "edit", "ids": "s-1", "front": "Typed "})
    assert "/login/" in answer["Location"]
    alice.grant = grant_of(alice, "fresh")
    aos.items["fresh"] = [item()]
    sign_in(mine, alice)
    assert "Typed " in mine.get(START).content.decode()


def test_a_preview_survives_a_sign_in_in_between(mine, alice):
    preview = plan(mine, ids="s-1", front="x ")
    path = preview.request["PATH_INFO"]
    mine.logout()
    assert path in mine.post(path, {"do": "confirm", "shown": "1", "row": "1"})["Location"]
    sign_in(mine, alice)
    assert rows(mine.get(path)) == rows(preview)


def test_others_have_no_batch_there(mine, bob):
    path = confirm(mine, plan(mine, ids="s-1", front="x "))
    other = browser()
    sign_in(other, bob)
    assert other.get(path).status_code == 404
    assert other.get(f"{path}result.csv").status_code == 404
    for do in ("confirm", "pause", "continue", "again", "undo", "x"):
        assert other.post(path, {"do": do}).status_code == 404
    assert Batch.objects.get().state == "running"
    assert str(Batch.objects.get().pk) not in other.get(START).content.decode()


def test_a_batch_is_found_again_after_leaving_the_page(mine):
    path = confirm(mine, plan(mine, ids="s-1", front="x "))
    page = mine.get(START)
    assert path in page.content.decode()
    assert "Being done" in words(page)


def test_a_script_gets_the_progress_alone_and_asks_until_it_is_over(mine, alice):
    path = confirm(mine, plan(mine, ids="s-1 s-2", front="x "))
    part = mine.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part
    assert "X-Portal-Poll" in part
    batching.run_batches.call()
    part = mine.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in part
    assert "2 of 2 settled" in words_of(part)


def test_paused_says_why_and_continue_goes_on(mine, alice, aos):
    path = confirm(mine, plan(mine, ids="s-1 s-2", front="x "))
    people.end_here(Grant.objects.filter(pk=alice.grant.pk), "signed out")
    batching.run_batches.call()
    alice.grant = grant_of(alice, "fresh")
    aos.items["fresh"] = next(iter(aos.items.values()))
    sign_in(mine, alice)
    page = mine.get(path)
    assert "You were signed out" in words(page)
    assert 'value="continue"' in page.content.decode()
    assert aos.sent == []
    assert mine.post(path, {"do": "continue"})["Location"] == path
    assert "2 renamed" in words(finish(mine, path))


def test_pause_and_continue_by_hand(mine, aos):
    path = confirm(mine, plan(mine, ids="s-1", front="x "))
    mine.post(path, {"do": "pause"})
    assert "You paused it" in words(finish(mine, path))
    assert aos.sent == []
    mine.post(path, {"do": "continue"})
    assert "1 renamed" in words(finish(mine, path))


def test_a_rest_says_until_when(mine, aos):
    path = confirm(mine, plan(mine, ids="s-1", front="x "))
    aos.gets = [Reply.of({}, 503, **{"Retry-After": "60"})]
    page = finish(mine, path)
    assert "AOS) is busy. We try again at" in words(page)


def test_failed_rows_are_tried_again_by_choice(mine, aos, alice, token):
    preview = plan(mine, all="1", front="x ")
    aos.items[token(alice)][0]["displayName"] = "Theirs"
    aos.puts, aos.applies = [Reply.of({}, 400)] * 2, False
    path = confirm(mine, preview)
    result = finish(mine, path)
    assert "Changed by somebody else AOS shows Theirs" in " ".join(rows(result))
    ticks = dict(re.findall(r'name="row"\s+value="(\d)"[^>]*?(checked|>)', result.content.decode()))
    assert sorted(ticks.values()) == [">", "checked", "checked"]
    aos.applies = True
    mine.post(path, {"do": "again-all"})
    assert batches.counts(finish_batch()) == {"done": 2, "conflict": 1}
    conflict = next(number for number, mark in ticks.items() if mark == ">")
    mine.post(path, {"do": "again", "row": conflict})
    assert batches.counts(finish_batch()) == {"done": 3}
    assert names(aos, alice, token)["s-1"] == "x Shop"


@pytest.mark.parametrize("fields", [{"do": "again"}, {"do": "again-all"}, {"do": "again", "row": ["1", "2", "99"]}])
def test_with_nothing_to_try_again_nothing_begins_and_it_is_said(mine, aos, fields):
    path = confirm(mine, plan(mine, ids="s-1 s-2", front="x "))
    finish(mine, path)
    queued = DBTaskResult.objects.count()
    assert mine.post(path, fields)["Location"] == path
    assert Batch.objects.get().state == "done"
    assert DBTaskResult.objects.count() == queued
    assert "There was nothing to try again. Nothing was sent." in words(mine.get(path))
    assert len(aos.sent) == 2


def finish_batch():
    batching.run_batches.call()
    return Batch.objects.get()


def test_undo_takes_the_whole_batch_back_and_shows_what_it_cannot(mine, aos, alice, token):
    before = names(aos, alice, token)
    path = confirm(mine, plan(mine, all="1", front="x "))
    finish(mine, path)
    aos.items[token(alice)][1]["displayName"] = "Mine now"
    undo = mine.get(mine.post(path, {"do": "undo"})["Location"])
    assert "Undo: look it over" in words(undo)
    assert "2 of 3 will be renamed" in words(undo)
    assert sum("Changed since" in row for row in rows(undo)) == 1
    result = finish(mine, confirm(mine, undo))
    assert "2 renamed" in words(result)
    assert names(aos, alice, token) == {**before, "s-2": "Mine now"}
    undone = Rename.objects.filter(undoes__isnull=False)
    assert {each.undoes.subscription_id for each in undone} == {"s-1", "s-3"}


def test_undo_while_aos_is_down_says_so(mine, aos):
    path = confirm(mine, plan(mine, ids="s-1", front="x "))
    finish(mine, path)
    aos.gets = [Reply(500, "<h1>")]
    assert mine.post(path, {"do": "undo"}).status_code == 502


def test_the_result_as_csv_holds_every_row(mine):
    path = confirm(mine, plan(mine, ids="s-1 s-2", front="="))
    finish(mine, path)
    lines = b"".join(mine.get(f"{path}result.csv")).decode().splitlines()
    assert lines[1:] == ["1,s-2,Blog,'=Blog,done,,'=Blog", "2,s-1,Shop,'=Shop,done,,'=Shop"]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=1>', "{{7*7}}", "\u202eevil", "a\0b", "two\nlines"]
)
def test_d19_odd_names_are_text_in_the_preview_and_the_result(mine, aos, alice, token, name):
    aos.items[token(alice)] = [item("s-1", name)]
    preview = plan(mine, ids="s-1", end="!")
    result = finish(mine, confirm(mine, preview))
    for page in (preview, result):
        text = page.content.decode()
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "49" not in words(page)
        assert html.escape(name) in text


def test_ten_thousand_rows_are_planned_and_shown(mine, alice):
    many = [PlannedRow(f"s-{number}", "Old", f"New {number}") for number in range(planning.MOST_ROWS)]
    batch = batches.plan(alice.grant, many)
    page = mine.get(f"{START}{batch.pk}/?page=50")
    assert "10,000 of 10,000 will be renamed" in words(page)
    assert len(rows(page)) == 100
    batches.go_on(batch, alice.grant, since=Batch.State.PLANNED)
    assert "0 of 10,000 settled" in words(mine.get(f"{START}{batch.pk}/"))


def test_a_batch_that_ended_is_told_once_on_whatever_page_comes_next(mine):
    path = confirm(mine, plan(mine, ids="s-1 s-2", front="EU "))
    mine.get(path)
    batching.run_batches.call()
    told = mine.get("/account/")
    assert "Renaming many is finished: 2 of 2 renamed. See each row" in words(told)
    assert f'href="{path}"' in told.content.decode()
    assert "Renaming many is finished" not in words(mine.get("/subscriptions/"))


def test_a_batch_whose_own_page_was_looked_at_is_not_told_again(mine):
    path = confirm(mine, plan(mine, ids="s-1", front="EU "))
    finish(mine, path)
    assert "Renaming many is finished" not in words(mine.get("/account/"))


def test_a_batch_that_stopped_for_its_owner_is_told_and_one_that_its_owner_paused_is_not(mine):
    paused = confirm(mine, plan(mine, ids="s-1", front="EU "))
    mine.post(paused, {"do": "pause"})
    assert "Renaming many is paused" not in words(mine.get("/account/"))
    mine.post(paused, {"do": "continue"})
    Batch.objects.update(grant_id=uuid.uuid4())  # as if that sign-in had ended
    batching.run_batches.call()
    assert "Renaming many is paused after 0 of 1. See why" in words(mine.get("/account/"))


def test_what_was_typed_in_one_form_survives_a_preview_of_the_other(mine):
    answer = mine.post(START, {"plan": "table", "table": " ", "ids": "s-1", "front": "Typed "})
    assert answer.status_code == 422
    assert 'value="Typed "' in answer.content.decode()
    answer = mine.post(START, {"plan": "edit", "table": "id,newName", "ids": "s-1"})
    assert answer.status_code == 422
    assert "id,newName</textarea>" in answer.content.decode()

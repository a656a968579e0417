"""The small pieces of rows, which are not made by templates: nothing from AOS becomes markup."""

import re
from types import SimpleNamespace

import pytest
from django.template import Context, Template
from django.utils import translation

from subscriptions.answers import Subscription

PARTS = ("tick_and_name", "cells_after_name")
HOSTILE = "\"'><script>alert(1)</script>&"
ESCAPED = "&quot;&#x27;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;"


ALL, NONE = SimpleNamespace(rename=True, rename_many=True), SimpleNamespace(rename=False, rename_many=False)


def shown(piece, value, permits=ALL):
    piece += ":permits" if piece in PARTS else ""
    return Template("{% load cells %}{{ value|" + piece + " }}").render(Context({"value": value, "permits": permits}))


@pytest.mark.parametrize("piece", ["name_cell", "state_cell", "id_cell", "copy_button"])
def test_markup_from_elsewhere_is_text(piece):
    assert "<script" not in shown(piece, HOSTILE)
    assert ESCAPED in shown(piece, HOSTILE)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("id", ["s-1", HOSTILE])
@pytest.mark.parametrize("name", [HOSTILE, None])
def test_markup_in_a_subscription_is_text(part, id, name):
    subscription = Subscription(id, HOSTILE, name, HOSTILE)
    assert "<script" not in shown(part, subscription)
    assert (ESCAPED in shown(part, subscription)) == (part == "cells_after_name" or name == HOSTILE)


def test_a_row_offers_what_its_person_may_do_and_what_its_id_is_fit_for():
    plain, odd = Subscription("s-1", "x-1", "Name", "Enabled"), Subscription("../s", "x-1", "Name", "Enabled")
    assert "checkbox" in shown("tick_and_name", plain)
    assert "data-name" in shown("tick_and_name", plain)
    assert 'href="/subscriptions/s-1/rename/"' in shown("cells_after_name", plain)
    for part in PARTS:
        assert not re.search(
            "checkbox|data-name|<a ", shown(part, odd) + shown(part, plain, NONE) + shown(part, plain, None)
        )
    assert "its id is unusual" in shown("cells_after_name", odd)
    assert "action" not in shown("cells_after_name", odd, NONE)


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u3000"])
def test_no_name_is_said(nothing):
    assert shown("name_cell", nothing) == '<span class="unnamed">Unnamed</span>'
    assert "unnamed subscription s-1" in shown("cells_after_name", Subscription("s-1", "", nothing, ""))


def test_a_state_never_heard_of_has_its_own_word():
    assert shown("state_cell", "Enabled") == '<span class="state good dot">Enabled</span>'
    assert shown("state_cell", "Odd") == '<span class="state ring"><bdi>Odd</bdi></span>'


def test_a_long_id_is_shortened_for_the_eye_alone():
    assert shown("id_cell", "s-1") == '<code class="id">s-1</code>'
    long = "a1b2c3d4-0000-4000-8000-000000000001"
    assert f'title="{long}" data-end="0001"><span>{long}</span>' in shown("id_cell", long)
    assert shown("copy_button", "") == ""


def test_in_spanish():
    with translation.override("es"):
        assert "Copiar s-1" in shown("copy_button", "s-1")
        assert "Habilitad" in shown("state_cell", "Enabled") or "Activ" in shown("state_cell", "Enabled")
        assert "suscripción sin nombre s-1" in shown("cells_after_name", Subscription("s-1", "", "", ""))

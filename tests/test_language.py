"""English and Spanish: nothing is left untranslated, and the reader decides."""

import ast
import gettext
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.test import Client
from django.utils import translation

from tests.conftest import browser, sign_in
from tests.subscriptions.fake_aos import FakeAOS, item
from tests.subscriptions.pages import words

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale" / "es" / "LC_MESSAGES"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SOURCES = [path for folder in ("aosportal", "subscriptions") for path in sorted((ROOT / folder).rglob("*.py"))]
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
SAME_EVERYWHERE = {"AOS Portal", "CSV", "id,newName", "JSON", "UTC", "F2", "Enter", "Esc"}
SAID_BY_ATTRIBUTES = re.compile(r"aria-label|title|placeholder|alt|data-(label|done|left|over)(-one)?")
COOKIE = "__Host-aosportal_language"


def po():
    """What django.po says: (flags, singular, plural or None, translations), an entry each."""
    blocks = (FOLDER / "django.po").read_text(encoding="utf-8").split("\n\n")[1:]
    for block in blocks:
        read = {key: ast.literal_eval(text) for key, text in re.findall(r'^(msg\S+) (".*")$', block, flags=re.M)}
        flags = "".join(re.findall(r"^#, .*$", block, flags=re.M))
        yield flags, read["msgid"], read.get("msgid_plural"), [read[key] for key in read if key.startswith("msgstr")]


def marked_in_templates():
    """Each (singular, plural or None) that a template has translated."""
    for path in TEMPLATES:
        nodes = get_template(str(path.relative_to(ROOT / "templates"))).template.nodelist
        for node in nodes.get_nodes_by_type(TranslateNode):
            yield str(node.filter_expression.var.literal), None
        for node in nodes.get_nodes_by_type(BlockTranslateNode):
            plural = node.render_token_list(node.plural)[0] if node.plural else None
            yield node.render_token_list(node.singular)[0], plural


def marked_in_python():
    """The same of our modules."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if texts:  # a variable holds what gettext_noop has marked elsewhere
                    yield texts[0], texts[1] if node.func.id.startswith("n") and len(texts) > 1 else None


def holes(text):
    """What a translation must keep: places to fill in, and markup."""
    return sorted(re.findall(r"%\(\w+\)s|\{\w*\}|#|<[^>]+>", text))


class Unmarked(HTMLParser):
    """Collects the words that a reader would meet in a page without translated parts."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_data(self, data):
        self.note(data)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if SAID_BY_ATTRIBUTES.fullmatch(name):
                self.note(value or "")

    def note(self, text):
        bare = " ".join(text.split())
        for known in SAME_EVERYWHERE:
            bare = re.sub(rf"\b{known}\b", "", bare)
        if re.search(r"[^\W\d_]", bare):
            self.found.append(bare)


def unmarked(source):
    """The words of a template that no tag translates, also in its filters' arguments."""
    source = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", source, flags=re.S)
    source = re.sub(r"\{% blocktranslate.*?endblocktranslate %\}", "", source, flags=re.S)
    reader = Unmarked()
    for text in re.findall(r"""\|(?:default|default_if_none|yesno|add):["']([^"']*)["']""", source):
        reader.note(text)
    reader.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.S))
    reader.close()
    return reader.found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_in_a_template_is_left_unmarked(path):
    assert unmarked(path.read_text(encoding="utf-8")) == []


def test_the_search_for_unmarked_text_finds_it():
    assert unmarked("<p>{% if a %}Left{% endif %} {{ b|default:'out' }}</p><a title='here'>CSV</a>") == [
        "out",
        "Left",
        "here",
    ]


def test_every_marked_text_is_in_the_spanish_catalogue_and_nothing_else():
    marked = set(marked_in_templates()) | set(marked_in_python())

    assert len(marked) > 200
    assert {(singular, plural) for _, singular, plural, _ in po()} == marked


def test_every_translation_is_there_whole_and_certain():
    for flags, singular, plural, translations in po():
        assert "fuzzy" not in flags, singular
        assert all(translations), singular
        assert len(translations) == (2 if plural else 1), singular
        for text in translations:
            assert holes(text) == holes(singular), singular


def test_what_is_compiled_is_what_is_written():
    with (FOLDER / "django.mo").open("rb") as compiled:
        catalogue = gettext.GNUTranslations(compiled)._catalog
    del catalogue[""]
    expected = {}
    for _, singular, plural, translations in po():
        expected |= (
            {(singular, n): text for n, text in enumerate(translations)} if plural else {singular: translations[0]}
        )

    assert catalogue == expected, "compile it: see README.md"


def choose(client, language, next="/", **extra):
    return client.post("/language/", {"language": language, "next": next}, **extra)


def test_a20_the_choice_is_remembered_for_a_year_out_of_reach_of_scripts(client, db):
    answer = choose(client, "es", "/login/?next=/account/")

    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/account/")
    cookie = client.cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        True,
        True,
        "Lax",
        "/",
        "",
    )
    assert cookie["max-age"] == 365 * 24 * 60 * 60
    assert 'lang="es"' in client.get("/").content.decode()
    assert "Iniciar sesión con Alliance Passport" in words(client.get("/login/"))
    choose(client, "en")
    assert "Sign in with Alliance Passport" in words(client.get("/login/"))


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/a\r\nX: y", ""]
)
def test_b09_d01_the_switch_leads_to_no_other_site(client, db, elsewhere):
    assert choose(client, "es", elsewhere)["Location"] == "/"


@pytest.mark.parametrize("language", ["fr", "", "es\r\nSet-Cookie: a=b", "../es"])
def test_a_language_never_heard_of_changes_nothing(client, db, language):
    assert choose(client, language).status_code == 302
    assert COOKIE not in client.cookies


def test_a24_the_switch_takes_a_form_of_ours_and_nothing_else(db):
    strict = Client(enforce_csrf_checks=True, SERVER_NAME="portal.test")

    assert choose(strict, "es", secure=True).status_code == 403
    assert strict.get("/language/?language=es", secure=True).status_code == 405
    assert COOKIE not in strict.cookies


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("fr,es;q=0.5", "es"),
        ("fr", "en"),
        ("\0;;q=x", "en"),
        ("", "en"),
    ],
)
def test_the_browsers_wish_decides_before(db, asked, spoken):
    page = browser(HTTP_ACCEPT_LANGUAGE=asked).get("/login/").content.decode()

    assert f'<html lang="{spoken}"' in page
    assert ("Necesitas tu cuenta" in page) == (spoken == "es")


def test_a_cookie_of_nonsense_is_english(client, db):
    client.cookies[COOKIE] = "xx-../../etc"

    assert 'lang="en"' in client.get("/").content.decode()


@pytest.fixture
def spaniard(client, alice, wire):
    FakeAOS(wire).items["alice-token"] = [item()]
    sign_in(client, alice)
    choose(client, "es")
    return client


def test_the_pages_speak_spanish(spaniard):
    listed = words(spaniard.get("/subscriptions/"))
    opened = spaniard.get("/subscriptions/s-1/rename/")

    for text in ("Suscripciones", "1 suscripción", "Activa", "Renombrar", "Cerrar sesión"):
        assert text in listed
    for text in ("Nombre visible", "Guardar", "Como máximo 255 caracteres."):
        assert text in words(opened)
    answer = spaniard.post("/subscriptions/s-1/rename/", {"display_name": " ", "seen": "x"})
    assert "Escribe un nombre." in words(answer)
    for path in ("/account/", "/subscriptions/renames/", "/nowhere/"):
        assert '<html lang="es"' in spaniard.get(path).content.decode()


def in_another_language(client, path, form, **typed):
    """Press a language below a page that holds a form: as browsers do, with all that belongs to the form."""
    page = client.get(path).content.decode()
    assert re.search(rf'name="language"\s+value="en"\s+lang="en"\s+form="{form}"', page)
    next_page = re.search(rf'name="next"\s+value="([^"]*)"\s+form="{form}"', page)[1]
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    fields = {"seen": seen[1]} if seen else {}
    answer = client.post(path, {**fields, **typed, "language": "en", "next": next_page})
    assert (answer.status_code, answer["Location"]) == (302, path)
    return client.get(path)


def test_what_is_typed_survives_another_language(spaniard):
    page = in_another_language(spaniard, "/subscriptions/s-1/rename/", "rename", display_name="Typed “with” care")

    assert 'value="Typed “with” care"' in page.content.decode()
    assert "We kept what you typed. Nothing was sent yet." in words(page)
    choose(spaniard, "es")
    many = in_another_language(
        spaniard, "/subscriptions/rename-many/", "many", ids="s-1", front="EU ", table="id,newName"
    )
    for text in ('value="EU "', ">\nid,newName</textarea>", "1 selected."):
        assert text in many.content.decode()


def test_an_untouched_name_is_not_kept_for_another_language(spaniard):
    page = in_another_language(spaniard, "/subscriptions/s-1/rename/", "rename", display_name="Old name")

    assert "We kept" not in words(page)


def test_the_switch_comes_back_to_the_same_list(spaniard):
    page = spaniard.get("/subscriptions/?q=a&state=Enabled").content.decode()

    assert re.search(r'name="next"\s+value="/subscriptions/\?q=a&amp;state=Enabled"', page)


def test_a25_the_address_of_the_callback_is_in_no_switch(client, db):
    page = client.get("/complete/aps/?code=CODE-CANARY&state=x").content.decode()

    assert "CODE-CANARY" not in page


def test_bare_error_pages_speak_the_browsers_language_whatever_was_served_before(db):
    """Over plain http a host that is not ours is refused before the language is looked at."""
    for served, asked, said in (
        ("en", "es", "No se entendió la petición"),
        ("es", "en", "This request was not understood"),
    ):
        with translation.override(served):
            page = Client(SERVER_NAME="elsewhere.test").get("/", HTTP_ACCEPT_LANGUAGE=asked)
        assert page.status_code == 400
        assert said in words(page)


def test_times_carry_what_a_script_needs_and_are_utc_without_it(spaniard):
    page = spaniard.get("/subscriptions/").content.decode()

    assert re.search(r'<time datetime="[^"]+\+00:00" data-local="time">\d\d:\d\d UTC</time>', page)
    assert "zone.js" in page

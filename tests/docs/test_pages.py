"""What every page of documentation says is there: files, headings, commands."""

import re

import pytest
from django.core.management import get_commands

from tools.basics import ROOT
from tools.commands import COMMANDS

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
TARGETS = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1].split()

each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def anchors(page):
    """The anchors of a page's headings, as the usual hosts of Markdown make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page, link):
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


@each_page
def test_every_link_of_our_own_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)

    assert [link for link in links if "://" not in link and not leads_somewhere(page, link)] == []


@each_page
def test_every_command_that_it_names_exists(page):
    text = page.read_text(encoding="utf-8")

    assert set(re.findall(r"(?:^|`|&& )make ([a-z]+)", text, flags=re.MULTILINE)) <= set(TARGETS)
    assert set(re.findall(r"tools/dev\.py (\w+)", text)) <= set(COMMANDS)
    assert set(re.findall(r"manage\.py (\w+)", text)) <= set(get_commands())


def test_a_page_of_the_docs_is_in_their_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")

    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert {name for name in pages if f"({name})" not in index} == set()


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.name)
def test_a_decision_is_short(page):
    assert len(page.read_text(encoding="utf-8").splitlines()) < 40

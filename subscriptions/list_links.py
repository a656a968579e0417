"""Where the links of the list lead: the same list with one thing changed. What is usual is left out of an address."""

from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from .listing import Listing

_USUAL = {"q": "", "state": "", "sort": "name", "page": 1}


def links(listing: Listing) -> dict[str, Any]:
    """Return the addresses for the template, by what they do; None for a page that there is not."""
    page = listing.page
    return {
        "this": _to(listing, page=page),
        "states": [(each, _to(listing, state=each.value), each.value == listing.state) for each in listing.states],
        "any_state": _to(listing, state=""),
        "no_search": _to(listing, q=""),
        "no_filter": _to(listing, q="", state=""),
        "by_name": _to(listing, sort=_turned("name", listing.sort)),
        "by_state": _to(listing, sort=_turned("state", listing.sort)),
        "previous": _to(listing, page=page - 1) if page > 1 else None,
        "next": _to(listing, page=page + 1) if page < listing.pages else None,
        "csv": _to(listing, "export_csv"),
        "json": _to(listing, "export_json"),
        "many": _to(listing, "rename_many", all=1),
    }


def _to(listing: Listing, view: str = "list", **changes: Any) -> str:
    """An address of what is listed, with changes; it begins at the first page unless they say otherwise."""
    wished = {"q": listing.q, "state": listing.state, "sort": listing.sort, "page": 1, **changes}
    query = urlencode({name: value for name, value in wished.items() if value != _USUAL.get(name)})
    path = reverse(f"subscriptions:{view}")
    return f"{path}?{query}" if query else path


def _turned(column: str, sort: str) -> str:
    """A column's header sorts by it; where that is so already, the other way round."""
    return f"-{column}" if sort == column else column

"""The forms for renaming many: one change of all that are selected, or a table of ids and new names."""

from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import importing, listing
from .answers import Subscription
from .planning import MOST_ROWS, Edit, Proposal, edited

MOST_PASTED = 600_000  # characters: as many as a request may surely hold
_NOT_TYPED = ("csrfmiddlewaretoken", "ticket", "language", "next")


def typed(request: HttpRequest) -> str:
    """Return the form as it was sent, to be kept; files are not part of it."""
    kept = request.POST.copy()
    for name in _NOT_TYPED:
        kept.pop(name, None)
    return kept.urlencode()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which subscriptions somebody selected: these ids, or all that the list shows for a search and a state."""

    ids: tuple[str, ...] = ()
    is_all: bool = False
    q: str = ""
    state: str = ""

    @classmethod
    def of(cls, form: QueryDict) -> Self:
        """Read the list's checkboxes, named `id`; or `all` with `q` and `state`."""
        ids = (*form.getlist("id"), *form.get("ids", "").split())
        return cls(ids, form.get("all") == "1", form.get("q", ""), form.get("state", ""))

    @property
    def joined(self) -> str:
        """The ids as one field holds them."""
        return " ".join(self.ids)

    def of_list(self, subscriptions: list[Subscription]) -> list[Subscription]:
        """Pick them out, in the order of the list."""
        if self.is_all:
            return listing.select(subscriptions, self.q, self.state).matching
        wanted = set(self.ids)
        return [each for each in listing.select(subscriptions).matching if each.id in wanted]


class EditForm(forms.Form):
    """A change of every selected name. Spaces count."""

    find = forms.CharField(label=gettext_lazy("Find"), required=False, strip=False, max_length=1000)
    replace = forms.CharField(label=gettext_lazy("Replace with"), required=False, strip=False, max_length=1000)
    match_case = forms.BooleanField(label=gettext_lazy("Match upper and lower case"), required=False)
    front = forms.CharField(label=gettext_lazy("Put in front"), required=False, strip=False, max_length=1000)
    end = forms.CharField(label=gettext_lazy("Put at the end"), required=False, strip=False, max_length=1000)

    def clean(self) -> dict[str, Any]:
        """Ask for something to do."""
        fields = super().clean() or {}
        if not self.errors and not any(fields.get(name) for name in ("find", "front", "end")):
            raise forms.ValidationError(_("Type what to find, or what to put in front or at the end."))
        return fields

    def proposals(self, selected: list[Subscription]) -> list[Proposal]:
        """Return what is wanted. Raises importing.NotUsable."""
        if not selected:
            raise importing.NotUsable(_("Nothing is selected. Tick some subscriptions in the list first."))
        if len(selected) > MOST_ROWS:
            text = _("These are %(count)s. At most %(most)s can be renamed at once.")
            raise importing.NotUsable(text % {"count": len(selected), "most": MOST_ROWS})
        fields = self.cleaned_data
        edit = Edit(fields["find"], fields["replace"], fields["match_case"], fields["front"], fields["end"])
        return edited(selected, edit)


class TableForm(forms.Form):
    """Ids and new names, pasted or as a file."""

    table = forms.CharField(label=gettext_lazy("Paste a table"), required=False, strip=False, max_length=MOST_PASTED)
    file = forms.FileField(label=gettext_lazy("or choose a CSV file"), required=False)

    def __init__(self, *args: Any, is_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_large = is_large

    def clean(self) -> dict[str, Any]:
        """Ask for one of them, not too large."""
        fields = super().clean() or {}
        file = fields.get("file")
        if self._is_large or (file and file.size > importing.MOST_BYTES):
            raise forms.ValidationError(_("The file is larger than 2 MB. Bring it in parts."))
        if not self.errors and not file and not fields.get("table", "").strip():
            raise forms.ValidationError(_("Paste a table, or choose a file."))
        return fields

    def proposals(self) -> list[Proposal]:
        """Return what is wanted. Raises importing.NotUsable."""
        file = self.cleaned_data["file"]
        return importing.read(importing.decode(file.read()) if file else self.cleaned_data["table"])

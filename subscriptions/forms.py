"""What people may type. AOS stays the judge of it."""

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .names import fingerprint, is_blank, is_control

_NUL_CODE = "null_characters_not_allowed"


class RenameForm(forms.Form):
    """A new name, and in hidden fields which name was seen and which form this is: one form makes one rename to a name.

    What was typed stays in the field as it was typed.
    """

    display_name = forms.CharField(
        label=gettext_lazy("Display name"), error_messages={"required": gettext_lazy("Type a name.")}
    )
    seen = forms.CharField(widget=forms.HiddenInput)
    once = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["display_name"].error_messages[_NUL_CODE] = _take_out("\0")

    @classmethod
    def showing(cls, name: str | None, *, text: str | None = None) -> "RenameForm":
        """An untouched form that was opened on `name`, with `text` in the field if that is given."""
        return cls(initial={"display_name": (name or "") if text is None else text, "seen": fingerprint(name)})

    @classmethod
    def holding(cls, typed: str, *, seen: str | None) -> "RenameForm":
        """A form with what somebody typed, as if it had been opened on the name `seen`."""
        return cls({"display_name": typed, "seen": fingerprint(seen)})

    @property
    def typed(self) -> str:
        """What the browser sent, before trimming."""
        return str(self.data.get("display_name", ""))

    def form_id(self, person: int) -> uuid.UUID:
        """Which form of which person this is, with which name. A form that does not say is one of its own."""
        return uuid.uuid5(self.cleaned_data["once"] or uuid.uuid4(), f"{person} {self.cleaned_data['display_name']}")

    def clean_display_name(self) -> str:
        """Refuse what is blank, too long or holds control characters, in words that say what to do."""
        name: str = self.cleaned_data["display_name"]
        unfit = "".join(dict.fromkeys(filter(is_control, name)))
        if unfit:
            raise forms.ValidationError(_take_out(unfit), code="control")
        if is_blank(name):
            raise forms.ValidationError(_("Type a name that can be seen."), code="blank")
        if len(name) > settings.DISPLAY_NAME_LIMIT:
            raise forms.ValidationError(_too_long(settings.DISPLAY_NAME_LIMIT, len(name)), code="long")
        return name


def _too_long(limit: int, length: int) -> str:
    text = ngettext(
        "Use at most %(limit)s character. This has %(length)s.",
        "Use at most %(limit)s characters. This has %(length)s.",
        limit,
    )
    return text % {"limit": limit, "length": length}


def _take_out(unfit: str) -> str:
    """Name the characters by number: they have no shape that could be shown."""
    names = ", ".join(f"U+{ord(char):04X}" for char in unfit[:5])
    return _("A name cannot hold line breaks or control characters. Take out %(names)s.") % {"names": names}

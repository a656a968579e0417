"""Django admin for sign-ins and admissions. It never shows a token, to superusers neither."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, Max, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from social_django.models import Association, Nonce, UserSocialAuth

from aosportal.admin import ReadOnlyAdmin, ReadOnlyRows

from .models import TOKEN_FIELDS, Admission, Grant, RecentFailure
from .people import end_all

for _model in (UserSocialAuth, Nonce, Association):
    admin.site.unregister(_model)  # the stock pages show and edit what is stored for sign-ins
admin.site.unregister((User, Group))
admin.site.site_header = admin.site.site_title = f"{settings.PRODUCT_NAME} administration"


class _Sessions(ReadOnlyRows):
    """Where the person is signed in now."""

    model = Grant
    verbose_name_plural = "sessions now: each with its tokens' scope and expiry, never the tokens"
    fields = ("since", "last_seen", "browser", "address", "scope", "expires_at", "refreshed_at")
    readonly_fields = ("since",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Grant]:
        return super().get_queryset(request).filter(status=Grant.Status.ACTIVE).order_by("-last_seen")


class _Failures(ReadOnlyRows):
    """What went wrong for the person lately: ten at most are kept."""

    model = RecentFailure
    verbose_name_plural = "what went wrong lately: the request id finds it in the logs"
    fields = ("at", "service", "kind", "request_id")
    ordering = ("-pk",)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People: how they are connected, what they may do, and the action that ends all their sessions.

    Who is no superuser makes none, and changes none.
    """

    list_display = (
        "username",
        "email",
        "is_active",
        "is_staff",
        "admitted",
        "sessions",
        "connected_since",
        "token_expires",
        "last_refresh",
        "last_failure",
    )
    list_filter = ("is_active", "is_staff", ("admission", admin.EmptyFieldListFilter))
    list_select_related = ("admission",)
    list_per_page = 50
    actions = ("admit", "no_longer_admit", "end_sessions")
    inlines = (_Sessions, _Failures)
    filter_horizontal = ()  # plain lists: the pair of boxes cannot be used by everybody

    class Media:
        css = {"all": ["admin.css"]}

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """Somebody who is being added has none yet."""
        return self.inlines if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Each with the facts of their sessions; the expiry and the refresh are those of the newest token."""
        active = Grant.objects.filter(user=OuterRef("pk"), status=Grant.Status.ACTIVE).order_by()
        failures = RecentFailure.objects.filter(user=OuterRef("pk")).order_by("-pk")
        words = Concat("service", Value(" "), "kind", Value(", request "), "request_id")
        of_active = active.values("user")
        people: QuerySet[User] = super().get_queryset(request)
        return people.annotate(
            sessions=Subquery(of_active.annotate(n=Count("pk")).values("n")),
            connected_since=Subquery(of_active.annotate(n=Min("since")).values("n")),
            token_expires=Subquery(of_active.annotate(n=Max("expires_at")).values("n")),
            last_refresh=Subquery(of_active.annotate(n=Max("refreshed_at")).values("n")),
            last_failure=Subquery(failures.annotate(n=words).values("n")[:1]),
        )

    @admin.display(ordering="sessions")
    def sessions(self, user: Any) -> int:
        """How many there are."""
        return user.sessions or 0

    @admin.display(ordering="connected_since")
    def connected_since(self, user: Any) -> datetime | None:
        """When the oldest of them began."""
        return user.connected_since  # type: ignore[no-any-return]

    @admin.display(ordering="token_expires")
    def token_expires(self, user: Any) -> datetime | None:
        """When the newest access token does."""
        return user.token_expires  # type: ignore[no-any-return]

    @admin.display(ordering="last_refresh")
    def last_refresh(self, user: Any) -> datetime | None:
        """When an access token was renewed last."""
        return user.last_refresh  # type: ignore[no-any-return]

    @admin.display
    def last_failure(self, user: Any) -> str | None:
        """What went wrong last, with the id of the request."""
        return user.last_failure  # type: ignore[no-any-return]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's account, the password included, is for superusers."""
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """So is its end."""
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody edits when it was; who is no superuser gives permissions by groups alone."""
        fields = (*super().get_readonly_fields(request, obj), "last_login", "date_joined")
        return fields if request.user.is_superuser else (*fields, "is_superuser", "user_permissions")

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Let a person be deleted although their sign-ins and batches, which go with them, are read-only pages.

        Who has an entry in the log of the administration stays: disable them.
        """
        found, counts, missing, protected = super().get_deleted_objects(objs, request)
        return found, counts, missing - {"grant", "batch"}, protected

    @admin.display(boolean=True, ordering="admission__admitted_at")
    def admitted(self, user: User) -> bool:
        """Whether an administrator has admitted this person."""
        return hasattr(user, "admission")

    @admin.action(description="Admit the selected people to the portal", permissions=["change"])
    def admit(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """Admit each of them; who is admitted already keeps the first date."""
        by = {"admitted_by_id": request.user.pk}
        for person in people:
            _admission, is_new = Admission.objects.get_or_create(user=person, defaults=by)
            if is_new:
                self.log_change(request, person, "Admitted to the portal.")
        messages.success(request, "The selected people are admitted.")

    @admin.action(description="No longer admit the selected people", permissions=["change"])
    def no_longer_admit(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """Take the admission back; their sessions are over at their next request where ADMIT=listed."""
        for person in people.filter(admission__isnull=False):
            Admission.objects.filter(user=person).delete()
            self.log_change(request, person, "No longer admitted to the portal.")
        messages.success(request, "The selected people are no longer admitted.")

    @admin.action(
        description="End their sessions, revoke at Alliance Passport, delete their tokens", permissions=["change"]
    )
    def end_sessions(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """End them all and revoke at APS; the administrator's own present session goes on."""
        count = end_all(_others(request, Grant.objects.filter(user__in=people)), "ended by an administrator")
        for person in people:
            self.log_change(request, person, "Sessions ended, tokens revoked and deleted.")
        messages.success(request, _ended(count))


def _ended(count: int) -> str:
    return f"Sessions ended: {count}. Your own present session goes on."


def _others(request: HttpRequest, grants: QuerySet[Grant]) -> QuerySet[Grant]:
    """All but the administrator's own present session."""
    own = getattr(request, "grant", None)
    return grants.exclude(pk=own.pk) if own else grants


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Groups, which are roles."""

    filter_horizontal = ()


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    """Sign-ins: who, since when, in what state; with the action that ends some, or all that are selected."""

    actions = ("end_selected",)

    list_display = ("user", "status", "since", "last_seen", "expires_at", "refreshed_at", "ended_because")
    list_filter = ("status",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email", "subject")
    date_hierarchy = "since"
    exclude = (*TOKEN_FIELDS, "claim", "claimed_until")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """An address with `access_token__startswith=…` would tell a stored token, encrypted, letter by letter."""
        return not lookup.startswith(TOKEN_FIELDS) and super().lookup_allowed(lookup, value, request)

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Whoever may change people may end their sessions."""
        return request.user.has_perm("auth.change_user")

    @admin.action(description="End the selected sign-ins", permissions=["end"])
    def end_selected(self, request: HttpRequest, grants: QuerySet[Grant]) -> None:
        """End them, all of the portal's if all are selected; the administrator's own present session goes on."""
        active = list(_others(request, grants).filter(status=Grant.Status.ACTIVE))
        count = end_all(_others(request, grants), "ended by an administrator")
        for grant in active:
            self.log_change(request, grant, "Ended.")
        messages.success(request, _ended(count))

"""The subscriptions that each demo person starts with: names that break careless pages, and a few of their own."""

from uuid import uuid5

from sandbox.passport.models import Person
from sandbox.subscriptions.models import Subscription

LONG = "Regional reporting and archive for everything the old finance system still feeds, " * 3

AWKWARD = [
    ("Plan 10", "Enabled"),
    ("Plan 2", "Enabled"),
    ("🚀 Launch 🧑‍🚀 crew", "Enabled"),
    ("فرع الرياض", "PastDue"),
    ("סניף תל אביב (2)", "Enabled"),
    ("\"Quoted\" & 'single' — “curly”", "Warned"),
    ("<script>alert(1)</script>", "Enabled"),
    ("{{7*7}}", "Disabled"),
    (LONG[:200], "Enabled"),
    ("  leading spaces", "Enabled"),
    ("trailing spaces  ", "Warned"),
    ("two  spaces  inside", "Enabled"),
    ("Ñandú, Žižkov and Århus", "Enabled"),
    ("Éclair archive", "Deleted"),
    ("What was this for?", "Zombified"),
    (None, "Enabled"),
]

OWN = {
    "alice.moreno": ["Analytics – Bogotá", "Contoso ERP", "Billing sandbox", "Alice's shop, Quito", "Warehouse"],  # noqa: RUF001
    "bob.okafor": ["Bluebird CRM", "Lagos office", "Payroll 2026", "Bob's test tenant", "Mail relay"],
    "carmen.ruiz": ["東京支店", "Кадровый портал", "Αρχείο Αθηνών", "Carmen – España", "सदस्यता"],  # noqa: RUF001
    "dana.kim": ["Never shown"],
}
OWN_STATES = ["Enabled", "Enabled", "Warned", "Enabled", "PastDue"]


def seed():
    """Give their first subscriptions to the people who have none."""
    for person in Person.objects.filter(subscription=None):
        Subscription.objects.bulk_create(first_subscriptions(person))


def restore():
    """Everybody's subscriptions as they were at first."""
    Subscription.objects.all().delete()
    seed()


def first_subscriptions(person):
    """One person's subscriptions, unsaved; the ids are the same each time."""
    named = list(zip(OWN.get(person.username, []), OWN_STATES, strict=False)) + AWKWARD
    return [
        Subscription(
            id=uuid5(person.id, f"id {position}"),
            subscription_id=uuid5(person.id, f"subscription {position}"),
            owner=person,
            position=position,
            display_name=name,
            state=state,
        )
        for position, (name, state) in enumerate(named)
    ]

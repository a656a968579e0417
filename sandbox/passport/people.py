"""The demo people."""

from uuid import UUID

from sandbox.passport.models import Person

PEOPLE = [
    {
        "id": UUID("6c0f6dd8-0a7e-4f6b-9b1c-2f7f6c1f0a11"),
        "username": "alice.moreno",
        "given_name": "Alice",
        "family_name": "Moreno",
        "email": "alice.moreno@example.com",
        "about": "Runs a dozen shops in three countries",
    },
    {
        "id": UUID("b3a1c6f2-54d9-4b56-8f0e-91d2c7e4ab22"),
        "username": "bob.okafor",
        "given_name": "Bob",
        "family_name": "Okafor",
        "email": "bob.okafor@example.com",
        "about": "Sees only his own: try him in a second browser",
    },
    {
        "id": UUID("e84d27b9-3c15-47aa-a6d3-0b5e8f92cd33"),
        "username": "carmen.ruiz",
        "given_name": "Carmen",
        "family_name": "Ruiz",
        "email": "carmen.ruiz@example.com",
        "about": "Names things in every alphabet",
    },
    {
        "id": UUID("27f5b0c4-9e68-4d0d-b7a2-6ac39d81ef44"),
        "username": "dana.kim",
        "given_name": "Dana",
        "family_name": "Kim",
        "email": "dana.kim@example.com",
        "about": "May not see subscriptions: AOS answers 403",
        "may_see_subscriptions": False,
    },
]


def seed():
    """Create those who are not there yet."""
    for person in PEOPLE:
        Person.objects.get_or_create(id=person["id"], defaults=person)

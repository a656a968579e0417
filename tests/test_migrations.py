"""Migrations run while the old version serves (docs/upgrading.md): they expand, and contract a release later."""

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

# Up to the first release nobody serves anything older. When it is made, this is what it holds; it never grows again.
FIRST_RELEASE = {
    "operations": ("0001", "0002"),
    "passport": ("0001", "0002", "0003", "0004"),
    "subscriptions": ("0001", "0002", "0003", "0004", "0005", "0006", "0007"),
}
EXPANDING = (
    operations.CreateModel,
    operations.AddIndex,
    operations.RenameIndex,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AlterModelTableComment,
    operations.RunPython,
)
OURS = {config.label for config in apps.get_app_configs() if config.name.startswith(("aosportal", "subscriptions"))}


def harmful(migration):
    """The operations that the code of the release before would not survive, in words."""
    if getattr(migration, "contracts_what_is_unused_since", ""):
        return []
    new = {each.name_lower for each in migration.operations if isinstance(each, operations.CreateModel)}
    on_old = [each for each in migration.operations if getattr(each, "model_name_lower", "") not in new]
    return [operation.describe() for operation in on_old if not is_harmless(operation)]


def is_harmless(operation):
    """AddIndex on a large table, and what RunPython does, are for the reviewer."""
    if isinstance(operation, operations.AddField):
        field = operation.field
        return field.null or field.many_to_many or field.db_default is not NOT_PROVIDED
    if isinstance(operation, operations.AlterField):
        return operation.field.null  # wider at most: a reviewer looks at the type
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return all(map(is_harmless, operation.database_operations))
    return isinstance(operation, EXPANDING) or type(operation).__name__ == "AddIndexConcurrently"


def test_the_release_before_survives_each_migration():
    loader = MigrationLoader(None)
    later = {
        key: migration
        for key, migration in loader.disk_migrations.items()
        if key[0] in OURS and not key[1].startswith(FIRST_RELEASE.get(key[0], ("none",)))
    }
    assert len(later) < len(loader.disk_migrations)
    found = {key: harmful(migration) for key, migration in later.items()}

    assert {key: words for key, words in found.items() if words} == {}


A = {"model_name": "rename", "name": "x"}
CASES = [
    (operations.AddField(**A, field=models.IntegerField(null=True)), True),
    (operations.AddField(**A, field=models.IntegerField(db_default=0)), True),
    (operations.AddField(**A, field=models.IntegerField(default=0)), False),
    (operations.AlterField(**A, field=models.IntegerField(null=True)), True),
    (operations.AlterField(**A, field=models.IntegerField(default=0)), False),
    (operations.AddIndex("rename", models.Index(fields=["x"], name="x")), True),
    (operations.CreateModel("New", fields=[]), True),
    (operations.RemoveField(**A), False),
    (operations.RenameField("rename", "x", "y"), False),
    (operations.RenameModel("Rename", "Other"), False),
    (operations.DeleteModel("Rename"), False),
    (operations.AlterModelTable("rename", "other"), False),
    (operations.AddConstraint("rename", models.UniqueConstraint(fields=["x"], name="x")), False),
    (operations.RunSQL("DROP TABLE x"), False),
    (operations.SeparateDatabaseAndState(state_operations=[operations.RemoveField(**A)]), True),
]


@pytest.mark.parametrize(("operation", "is_fine"), CASES, ids=[case[0].describe()[:40] for case in CASES])
def test_what_expands_is_fine_and_what_contracts_is_found(operation, is_fine):
    migration = Migration("0009_x", "subscriptions")
    migration.operations = [operation]
    assert (harmful(migration) == []) is is_fine

    migration.contracts_what_is_unused_since = "0.2"
    assert harmful(migration) == []


def test_what_is_done_to_a_table_that_is_new_is_fine():
    migration = Migration("0009_x", "subscriptions")
    unique = operations.AddConstraint("new", models.UniqueConstraint(fields=["x"], name="x"))
    migration.operations = [operations.CreateModel("New", fields=[]), unique]

    assert harmful(migration) == []

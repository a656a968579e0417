"""docs/security.md says which test holds which case, and every case that must hold has one."""

from tests import security_table

# Sign-in, tokens, sessions, sign-out and upstream faults: the rows with weight M and S that hold today.
MUST_HOLD = {
    *(f"A{number:02}" for number in (*range(1, 21), 24, 25, 26)),
    *(f"B{number:02}" for number in range(1, 17)),
    *(f"C{number:02}" for number in [*range(1, 25), 26, 27, 28, *range(30, 35)]),
    *(f"D{number:02}" for number in (*range(1, 20), 21, 22, 23, 24)),
    *(f"E{number:02}" for number in range(1, 37)),
}


def test_the_table_is_what_the_tests_are_named_and_no_case_is_missing():
    table = security_table.table()

    assert security_table.written() == table
    held = {row.split("|")[1].strip() for row in table.splitlines()[2:]}
    assert MUST_HOLD - held == set()

"""The Postman collection runs, in order, against the stand-ins, and each of its assertions holds."""

import pytest

from tests.docs import postman
from tools.basics import ROOT

COLLECTION = postman.read(ROOT / "docs" / "aos-portal.postman_collection.json")


def test_the_collection_runs_and_leaves_the_names_as_they_were(stand_ins):
    places = {"aps": stand_ins.aps_url, "aos": stand_ins.aos_url}
    client = {"client_id": stand_ins.client_id, "client_secret": stand_ins.client_secret}
    runner = postman.Runner(COLLECTION, **places, **client)

    sent = runner.run()

    assert {"Get a token", "List subscriptions", "Rename", "Redeem the code", "Refresh"} <= set(sent)
    changes = [call["status"] for call in stand_ins.log() if call["method"] == "PUT"]
    assert changes.count(200) == 4
    assert runner.variables["old_name"] == "Analytics – Bogotá"


def test_it_is_of_format_2_1_and_holds_no_secret():
    values = {each["key"]: each["value"] for each in COLLECTION["variable"]}

    assert COLLECTION["info"]["schema"].endswith("/collection/v2.1.0/collection.json")
    assert (values["client_id"], values["client_secret"]) == ("", "")
    assert not {"own_token", "access_token", "refresh_token", "code"} & set(values)


def test_every_request_looks_at_its_status():
    for item in postman.flattened(COLLECTION["item"]):
        kinds = [postman.understood(line)[0] for line in item["event"][0]["script"]["exec"]]
        assert "status" in kinds, item["name"]


@pytest.mark.parametrize("line", ['pm.environment.set("a", 1);', "console.log(1);", 'pm.test("x", function () {});'])
def test_a_line_of_another_kind_is_refused(line):
    with pytest.raises(AssertionError, match="does not know"):
        postman.understood(line)

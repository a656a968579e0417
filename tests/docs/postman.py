"""A small interpreter for docs/aos-portal.postman_collection.json: its requests in order, and its script lines.

It is no JavaScript engine. It knows the kinds of lines below, and a line of any other kind fails the test: whoever
adds one teaches it here, or writes the line in a known way.
"""

import json
import re

import requests

JSON_PATH = r"pm\.response\.json\(\)(?P<path>[\w.\[\]]+)"
SET = r'pm\.collectionVariables\.set\("(?P<name>\w+)", '
TEST = r'pm\.test\("[^"]+", \(\) => '
LINES = {
    "status": re.compile(TEST + r"pm\.response\.to\.have\.status\((?P<status>\d+)\)\);"),
    "equals": re.compile(TEST + r"pm\.expect\(" + JSON_PATH + r'\)\.to\.eql\("(?P<text>[^"]*)"\)\);'),
    "equals_kept": re.compile(
        TEST + r"pm\.expect\(" + JSON_PATH + r'\)\.to\.eql\(pm\.collectionVariables\.get\("(?P<name>\w+)"\)\)\);'
    ),
    "location_has": re.compile(
        TEST + r'pm\.expect\(pm\.response\.headers\.get\("Location"\)\)\.to\.include\('
        r'"(?P<text>\w+=)" \+ pm\.collectionVariables\.get\("(?P<name>\w+)"\)\)\);'
    ),
    "keep": re.compile(SET + JSON_PATH + r"\);"),
    "keep_cookie": re.compile(SET + r'pm\.cookies\.get\("(?P<cookie>\w+)"\)\);'),
    "keep_from_location": re.compile(
        SET + r'pm\.response\.headers\.get\("Location"\)\.match\(/(?P<pattern>.+)/\)\[1\]\);'
    ),
}


class Runner:
    """Runs a collection; `variables` are its own, with those given in their place. One browser's cookies for all."""

    def __init__(self, collection, **variables):
        self.variables = {each["key"]: each["value"] for each in collection["variable"]} | variables
        self.items = list(flattened(collection["item"]))
        self.browser = requests.Session()

    def run(self):
        """Send every request and look at every answer; returns the names of those that were sent."""
        with self.browser:
            for item in self.items:
                self.look(item, self.send(item))
        return [item["name"] for item in self.items]

    def send(self, item):
        asked = item["request"]
        headers = {each["key"]: self.filled(each["value"]) for each in asked["header"]}
        if asked["auth"]["type"] == "bearer":
            headers["Authorization"] = f"Bearer {self.filled(asked['auth']['bearer'][0]['value'])}"
        follow = item.get("protocolProfileBehavior", {}).get("followRedirects", True)
        options = {"headers": headers, "data": self.body(asked), "allow_redirects": follow, "timeout": 30}
        return self.browser.request(asked["method"], **self.address(asked["url"]), **options)

    def address(self, url):
        if isinstance(url, str):
            return {"url": self.filled(url)}
        query = {each["key"]: self.filled(each["value"]) for each in url["query"]}
        return {"url": self.filled(url["raw"].split("?")[0]), "params": query}

    def body(self, asked):
        body = asked.get("body")
        if body is None:
            return None
        if body["mode"] == "urlencoded":
            return {each["key"]: self.filled(each["value"]) for each in body["urlencoded"]}
        return self.filled(body["raw"]).encode()

    def filled(self, text):
        """The text with its variables; one that is not there is a KeyError."""
        return re.sub(r"\{\{(\w+)\}\}", lambda match: self.variables[match[1]], text)

    def look(self, item, answer):
        for line in item["event"][0]["script"]["exec"]:
            kind, match = understood(line)
            assert getattr(self, kind)(answer, **match) is not False, f"{item['name']}: {line}\n{answer.text[:500]}"

    def status(self, answer, status):
        return answer.status_code == int(status)

    def equals(self, answer, path, text):
        return at(answer.json(), path) == text

    def equals_kept(self, answer, path, name):
        return at(answer.json(), path) == self.variables[name]

    def location_has(self, answer, text, name):
        return text + self.variables[name] in answer.headers["Location"]

    def keep(self, answer, name, path):
        self.variables[name] = at(answer.json(), path)

    def keep_cookie(self, answer, name, cookie):
        self.variables[name] = self.browser.cookies[cookie]

    def keep_from_location(self, answer, name, pattern):
        self.variables[name] = re.search(pattern, answer.headers["Location"])[1]


def understood(line):
    """What kind of line this is, and its parts."""
    found = [(kind, match) for kind, shape in LINES.items() if (match := shape.fullmatch(line))]
    assert found, f"The interpreter in {__name__} does not know this kind of line: {line}"
    kind, match = found[0]
    return kind, match.groupdict()


def flattened(items):
    """The requests of all folders, in order."""
    for item in items:
        if "item" in item:
            yield from flattened(item["item"])
        else:
            yield item


def at(value, path):
    """What stands at a path such as [0].displayName."""
    for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        value = value[key] if key else value[int(index)]
    return value


def read(path):
    """A collection from its file."""
    return json.loads(path.read_text(encoding="utf-8"))

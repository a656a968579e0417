"""Reading JSON from elsewhere: strictly, and else as the standard library does."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aosportal import strict_json

TEXT = st.sampled_from(["id", "a", "A", '":', '"', "{", "}", " : ", "é", "\\", "result", ""]) | st.text(max_size=4)
PLAIN = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT
SPACE = st.sampled_from(["", "", "", " ", "\n"])


@st.composite
def objects(draw, values=PLAIN):
    """An object as text, in which a key may come twice, be written with escapes, or have space around it."""
    pairs = draw(st.lists(st.tuples(TEXT, values, SPACE, SPACE, st.booleans()), max_size=4))
    return "{" + ",".join(f"{_key(key, odd)}{one}:{two}{_text(value)}" for key, value, one, two, odd in pairs) + "}"


def _key(key, is_odd):
    return '"' + "".join(f"\\u{ord(char):04x}" for char in key) + '"' if is_odd and key.isascii() else json.dumps(key)


def _text(value):
    return value[0] if isinstance(value, tuple) else json.dumps(value)


NESTED = objects(PLAIN | objects().map(lambda text: (text,)))
DOCUMENTS = st.lists(NESTED, max_size=4).map(lambda each: "[" + ",".join(each) + "]") | NESTED


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS | DOCUMENTS.map(lambda text: '{"result":' + text + ',"isSuccess":true}'))
def test_it_is_read_by_the_book(document):
    assert _outcome(strict_json.read, document) == _outcome(_by_the_book, document)


def _by_the_book(body):
    def unique(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError
        return found

    return json.loads(body, object_pairs_hook=unique)


def _outcome(read, document):
    try:
        return read(document.encode())
    except ValueError:
        return "refused"


@pytest.mark.parametrize(
    "document",
    [
        '[{"id":"a","id":"b"}]',
        '[{"id":"a","i\\u0064":"b"}]',
        '[{"id" : "a","id":"b"}]',
        '[{"id":"a","id":"b","c":"\\":"}]',
        '{"result":[{"id":"a","id":"b"}]}',
        '{"result":[],"result":[]}',
        '[{"id":{"a":1,"a":2}}]',
        '[{"id":1e999}]',
        "[NaN]",
    ],
)
def test_what_says_two_things_is_refused(document):
    with pytest.raises(ValueError, match=r"twice|range|not JSON"):
        strict_json.read(document.encode())


def test_half_a_surrogate_pair_is_read_all_the_same():
    assert strict_json.read(b'[{"id":"a\\ud800"}]') == [{"id": "a\ud800"}]

"""The words of a JSON body: it is one object, or a refusal that says where it is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.web.order_reader import read_fields


def test_null_is_no_field() -> None:
    """A null is left out; everything else is as it came."""
    assert read_fields(b'{"a": null, "b": [null], "c": ""}') == {"b": [None], "c": ""}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"prompt": NaN}', "invalid_json"),
        (b'{"prompt": "\xff"}', "invalid_json"),
        (b'{"prompt": "\\ud800"}', "invalid_json"),
        (b"[" * 5_000, "invalid_json"),
        (b"null", "invalid_type"),
        (b"[]", "invalid_type"),
        (b'"prompt"', "invalid_type"),
        (b"1.5", "invalid_type"),
    ],
)
def test_bodies_that_are_no_object(body: bytes, code: str) -> None:
    """A body that is no JSON object answers 400 and says so."""
    with pytest.raises(InvalidRequest) as refusal:
        read_fields(body)
    assert (refusal.value.status, refusal.value.param, refusal.value.code) == (400, None, code)


def test_a_bad_body_is_located() -> None:
    """The refusal says where the JSON breaks."""
    with pytest.raises(InvalidRequest, match=r"line 2, column 12"):
        read_fields(b'{\n "prompt": }')


@given(st.binary() | st.text().map(lambda text: json.dumps({"prompt": text}).encode()))
def test_any_bytes_are_answered(body: bytes) -> None:
    """Whatever bytes arrive, they are fields or a refusal."""
    try:
        fields = read_fields(body)
    except InvalidRequest:
        return
    assert None not in fields.values()

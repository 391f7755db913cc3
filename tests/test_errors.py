"""Refusals: every one of them can be told in both forms, whatever its status."""

import json
from collections.abc import Iterator
from http.client import responses

import pytest

from app.errors import ClientGone, GatewayError


def refusals(kind: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Every class of the tree below one."""
    for below in kind.__subclasses__():
        yield below
        yield from refusals(below)


@pytest.mark.parametrize("kind", sorted(set(refusals()), key=str))
def test_every_refusal_has_both_forms(kind: type[GatewayError]) -> None:
    """OpenAI's envelope and a problem of RFC 9457, ClientGone too: nobody may be left to read it, but it is written."""
    error = kind("A message.", param="size")

    assert json.loads(json.dumps(error.envelope()))["error"]["code"] == kind.code
    problem = json.loads(json.dumps(error.problem()))
    assert (problem["status"], problem["detail"], problem["param"]) == (kind.status, "A message.", "size")
    assert problem["title"] == (responses[kind.status] if kind is not ClientGone else "Client Closed Request")

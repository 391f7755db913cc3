"""The OpenAPI document: every route of both doors, every answer, every error, and examples that are what they show."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from app import errors
from app.api import openapi_admin, openapi_names
from app.api.openapi_schemas import DOT
from app.catalog.catalog import load_catalog
from app.errors import ClientGone, GatewayError
from app.main import create_app
from app.settings.loading import load_settings
from app.wiring.services import open_services

Document = dict[str, Any]

FOR_NO_PROGRAM = ("/openapi.json", "/", "/console", "/console/{name}")
"""Routes without an entry: the document itself, and pages for people."""
SECRET_LIKE = re.compile(r"sk-(?!ig-(?:admin-)?[<…])[^\s`\"]+|[A-Za-z0-9_+=-]{40,}")
FAKE = re.compile(
    rf"sk-ig-[0-9A-Za-z]{{8}}-[0-9A-Za-z]{{8}}|c2lnbmF0dXJlLW9mLWFuLWV4YW1wbGUtb25seS0wMDA|{re.escape(DOT)}"
)
"""What looks like a secret and is none: a public id, base64 of "signature-of-an-example-only-000", and of a PNG."""


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    """A gateway that has met nobody yet."""
    async with open_services(load_settings(data_dir=tmp_path), f"unix://{tmp_path}/x", background=False) as services:
        yield create_app(services)


@pytest.fixture
def document(app: FastAPI) -> Document:
    """Its document."""
    return app.openapi()


def operations(document: Document) -> dict[str, Document]:
    """Every operation by method and path, its answers in full."""
    return {
        f"{method} {path}": route
        | {"responses": {status: full(document, found) for status, found in route["responses"].items()}}
        for path, routes in document["paths"].items()
        for method, route in routes.items()
    }


def full(document: Document, found: Document) -> Document:
    """An answer, or the one it refers to."""
    name = found.get("$ref", "").rpartition("/")[2]
    answer: Document = document["components"]["responses"][name] if name else found
    return answer


def shown(document: Document) -> Iterator[tuple[str, Document, Any]]:
    """Every example of the document: where it is, the schema it is of, and its value."""
    for name, route in operations(document).items():
        for parameter in route.get("parameters", []):
            if "example" in parameter:
                yield f"{name} {parameter['name']}", parameter["schema"], parameter["example"]
        for part, found in {"body": route.get("requestBody", {}), **route["responses"]}.items():
            for media_type, media in found.get("content", {}).items():
                for value in values(document, media):
                    yield f"{name} {part} {media_type}", media["schema"], value
    for name, header in document["components"]["headers"].items():
        yield name, header["schema"], header["example"]
    for name, schema in document["components"]["schemas"].items():
        for value in schema.get("examples", []):
            yield name, schema, value


def values(document: Document, media: Document) -> list[Any]:
    """The examples of one body."""
    if "example" in media:
        return [media["example"]]
    named = [example["$ref"].rpartition("/")[2] for example in media.get("examples", {}).values()]
    return [document["components"]["examples"][name]["value"] for name in named]


def references(node: Any) -> list[str]:
    """Every ``$ref`` in a document."""
    if isinstance(node, list):
        return [found for child in node for found in references(child)]
    if not isinstance(node, dict):
        return []
    inside = [found for child in node.values() for found in references(child)]
    return inside + ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])


def texts(node: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(node, str):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from texts(child)


def test_every_route_is_in_the_document_and_no_other(app: FastAPI, document: Document) -> None:
    """Bare routes are written there by hand, so one may be forgotten, or outlive its route."""
    bare = [route for route in app.router.routes if isinstance(route, Route)]
    had = {(method, route.path.replace(":path}", "}")) for route in bare for method in route.methods or ()}
    told = {(name.partition(" ")[0].upper(), name.partition(" ")[2]) for name in operations(document)}
    public = {of for of in told if not of[1].startswith("/admin/")}
    assert {of for of in had if of[0] != "HEAD" and of[1] not in FOR_NO_PROGRAM} == public
    # FastAPI writes the entries of the operator's routes itself.
    assert len(told - public) > 25


def test_every_body_and_answer_has_an_example(document: Document) -> None:
    """Whoever reads the document sees what comes, not only of what type it is."""
    without = []
    for name, route in operations(document).items():
        for part, found in {"body": route.get("requestBody", {}), **route["responses"]}.items():
            without += [f"{name} {part}" for media in found.get("content", {}).values() if not values(document, media)]
    assert without == []


def test_every_example_is_valid(document: Document) -> None:
    """Each is what its own schema says."""
    wrong = []
    for where, schema, value in shown(document):
        whole = schema | {"components": document["components"]}
        wrong += [f"{where}: {fault.message}" for fault in jsonschema_rs.Draft202012Validator(whole).iter_errors(value)]
    assert wrong == []


def test_every_error_is_in_the_document(document: Document) -> None:
    """Each code of app/errors.py is shown where it comes; of 499 nobody is left to read."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GatewayError)]
    codes = {kind.code for kind in kinds} - {ClientGone.code}
    for form in ("error", "problem"):
        assert {f"{form}_{code}" for code in codes} <= document["components"]["examples"].keys()
    told = {reference.rpartition("/")[2] for reference in references(document) if "/examples/error_" in reference}
    assert {f"error_{code}" for code in codes} <= told


def test_every_operators_route_tells_its_problems(document: Document) -> None:
    """How it is opened, what is wrong when it fails, and no 422, which is never given."""
    ours = {name: route for name, route in operations(document).items() if " /admin/" in name}
    assert ours
    for name, route in ours.items():
        assert route["security"] == [{"adminToken": []}], name
        assert {"400", "401", "404", "409", "429", "500", "503"} <= route["responses"].keys(), name
        assert ("403" in route["responses"]) >= (not name.startswith("get ")), name
        assert "422" not in route["responses"], name
    usage = ours["get /admin/v1/usage"]
    assert {"application/json", "text/csv"} == usage["responses"]["200"]["content"].keys()


def test_every_public_route_tells_its_errors(document: Document) -> None:
    """A route with a virtual key says what becomes of a wrong one, and of one tried too often."""
    keyed = [route for route in operations(document).values() if route.get("security") == [{"virtualKey": []}]]
    assert len(keyed) > 8
    for route in keyed:
        assert {"200", "400", "401", "429", "500", "503"} <= route["responses"].keys(), route["operationId"]


def test_every_parameter_of_a_model_is_described(document: Document) -> None:
    """What any model of the catalog takes is named in the body of its operation, as JSON and as a form."""
    for profile in load_catalog().all():
        for operation, rules in profile.operations.items():
            for media in document["paths"][f"/v1/images/{operation}"]["post"]["requestBody"]["content"].values():
                missing = {name for name, rule in rules.items() if not rule.drop} - media["schema"]["properties"].keys()
                assert missing <= {"image"}, (profile.name, operation)


def test_operation_ids_are_unique(document: Document) -> None:
    """A program that makes a client of the document gets a function for each."""
    ids = [route["operationId"] for route in operations(document).values()]
    assert len(set(ids)) == len(ids)
    assert "showOverview" in ids


def test_every_reference_leads_somewhere(document: Document) -> None:
    """Nothing is spoken of that is not there, and nothing of FastAPI's is left that is never answered."""
    parts = document["components"]
    named = {f"#/components/{kind}/{name}" for kind in parts for name in parts[kind]}
    assert set(references(document)) <= named
    assert "#/components/schemas/HTTPValidationError" not in named
    schemes = {scheme for route in operations(document).values() for way in route.get("security", []) for scheme in way}
    assert schemes == parts["securitySchemes"].keys()


def test_no_example_has_a_secret(document: Document) -> None:
    """What looks like a key, a token or a signature is none."""
    suspicious = [word for text in texts(document) for word in SECRET_LIKE.findall(text)]
    assert [word for word in suspicious if not FAKE.fullmatch(word)] == []


def test_what_is_said_of_an_operation_is_said_of_one_there_is(document: Document) -> None:
    """Names of operations that stand as text in the code are those of the document."""
    ids = {route["operationId"] for route in operations(document).values()}
    named = {*openapi_admin.OF_ROUTES, *openapi_admin.PATCHES, *openapi_names.BODIES}
    named |= {name.split()[0] for name in openapi_names.PARAMETERS if " " in name}
    assert named <= ids


async def test_the_document_is_made_once(app: FastAPI) -> None:
    """It is asked for without a key, so it must cost nothing."""
    assert app.openapi() is app.openapi()

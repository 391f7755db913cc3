"""Examples in the OpenAPI document: what has none gets one, put together from those of its parts."""

from typing import Any, Final

from msgspec import Struct

Schema = dict[str, Any]

_BY_FORMAT: Final[dict[str, Any]] = {"date-time": "2026-11-22T10:00:00Z", "date": "2026-11-22"}
_BY_TYPE: Final[dict[str, Any]] = {"integer": 1, "number": 0.5, "boolean": True}
_REFERENCE: Final = "#/components/schemas/"


class Examples(Struct, frozen=True):
    """Puts examples together; no secret of anybody may be in what it is given."""

    schemas: dict[str, Schema]
    """The document's own."""
    texts: dict[str, str]
    """What texts hold that are members of such a name."""
    bodies: dict[str, Any]
    """Whole bodies of requests, by operation."""
    parameters: dict[str, str]
    """What parameters hold, by name, or by operation and name."""

    def add(self, route: dict[str, Any]) -> None:
        """Give every parameter in the path, every body and every answer of a route an example."""
        for parameter in route.get("parameters", []):
            name = parameter["name"]
            known = self.parameters.get(f"{route['operationId']} {name}", self.parameters.get(name))
            if known is not None:
                parameter.setdefault("example", known)
        asked = route.get("requestBody", {}).get("content", {})
        if (body := self.bodies.get(route["operationId"])) is not None:
            for media in asked.values():
                media["example"] = body
        for content in [asked, *(answer.get("content", {}) for answer in route["responses"].values())]:
            for media in content.values():
                if "schema" in media and not media.keys() & {"example", "examples"}:
                    media["example"] = self.of(media["schema"])

    def of(self, schema: Schema, name: str = "") -> Any:
        """A value of a schema: its own example, else one made of those of its parts; ``name`` is the member's."""
        if "$ref" in schema:
            return self.of(self.schemas[schema["$ref"].removeprefix(_REFERENCE)], name)
        if schema.get("examples"):
            return schema["examples"][0]
        for word in ("example", "const", "default"):
            if schema.get(word) is not None:
                return schema[word]
        if "enum" in schema:
            return schema["enum"][0]
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.of(schema[word][0], name)
        return self._made(schema, name)

    def _made(self, schema: Schema, name: str) -> Any:
        match schema.get("type"):
            case "array":
                return [self.of(schema["items"], name)] if schema.get("items") else []
            case "object":
                return self._object(schema)
            case "string":
                return _BY_FORMAT.get(schema.get("format", "")) or self.texts.get(name, "text")
            case kind:
                return _BY_TYPE.get(str(kind))

    def _object(self, schema: Schema) -> dict[str, Any]:
        """Members that need not be there are left out where others have to."""
        members, others = schema.get("properties", {}), schema.get("additionalProperties")
        if not members and isinstance(others, dict):
            return {self.of(schema.get("propertyNames", {"type": "string"})): self.of(others)}
        return {name: self.of(members[name], name) for name in schema.get("required") or members}

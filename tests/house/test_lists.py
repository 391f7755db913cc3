"""Lists that must stay complete: what the code has and what docs/ tells are the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram, Info
from starlette.routing import Route

from app import errors, keyspace
from app.errors import GatewayError
from app.keyspace import Naming, TeamKeys
from app.main import create_app
from app.metrics import Metrics, Reading
from app.settings.loading import load_settings
from app.wiring.services import open_services
from tests.house import parameters_table
from tests.house.pages import code, page, table
from tests.house.settings_table import settings_table, table_on_page, write
from tests.house.tree import APP, Module, modules, parse

LUA = APP / "ledger" / "lua"


def refusals() -> dict[str, tuple[str, str, str]]:
    """Every error class: status, type and code."""
    found = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    return {
        name: (str(kind.status), kind.type, kind.code or "")
        for name, kind in found.items()
        if issubclass(kind, GatewayError) and kind is not GatewayError
    }


def further_codes(module: Module) -> Iterator[str]:
    """The codes a module gives to errors instead of their class's own (``code="…"``, also as an alternative)."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.keyword) and node.arg == "code":
            yield from _texts(node.value)


def _texts(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.BoolOp():
            for part in value.values:
                yield from _texts(part)
        case ast.IfExp():
            yield from _texts(value.body)
            yield from _texts(value.orelse)
        case _:
            pass  # made up at the time; the reader lists those


def exposed(metrics: Metrics) -> dict[str, tuple[str, str]]:
    """Every metric by the name Prometheus shows: its type and its labels."""
    found: dict[str, tuple[str, str]] = {}
    for collector in vars(metrics).values():
        if isinstance(collector, Reading):
            name = collector.name + ("_total" if collector.kind == "counter" else "")
            found[name] = (collector.kind, f"`{collector.label}`" if collector.label else "")
        elif isinstance(collector, Counter | Gauge | Histogram | Info):
            (family,) = collector.describe()
            kind = family.type
            # A collector tells its labels no other way; those of an info are what it says.
            labels = ("version", "catalog") if kind == "info" else collector._labelnames
            name = family.name + {"counter": "_total", "info": "_info"}.get(kind, "")
            found[name] = (kind, ", ".join(f"`{label}`" for label in labels))
    return found


def log_fields(module: Module) -> set[str]:
    """The fields of the line that ends a request: the keys of ``fields`` in `log_request`."""
    (function,) = [found for found in module.functions() if found.name == "log_request"]
    names: set[str] = set()
    for node in ast.walk(function):
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            keys = node.value.keys
        elif isinstance(node, ast.Subscript):
            keys = [node.slice]
        names |= {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return names


def events(module: Module) -> Iterator[str]:
    """The events a module logs: ``{"event": "…"}``, or the first word of ``note`` and ``announce`` (app.cli.serve)."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "event":
                    yield from _texts(value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("note", "announce"):
            for name in node.args[:1]:
                yield from _texts(name)


def attributes(module: Module) -> set[str]:
    """The attributes of spans: the keys with a dot in them of any dictionary written out."""
    keys = [key for node in ast.walk(module.tree) if isinstance(node, ast.Dict) for key in node.keys]
    names = {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return {name for name in names if "." in name}


def script_faults(name: str, text: str) -> Iterator[str]:
    """What a Lua script's header leaves out."""
    header = "\n".join(line for line in text.split("\n\n", maxsplit=1)[0].splitlines() if line.startswith("--"))
    if not re.match(rf"-- {re.escape(name)}: \S", header):
        yield f"{name}: does not begin with its name and duty"
    # The keys and the clock of most scripts are those of books.lua; where it does not stand in front, they are told.
    wanted: tuple[str, ...] = ("ARGV", "Reply", "(books.lua)")
    if name == "books.lua" or "does not stand in front" in header:
        wanted = ("KEYS", "ARGV", "Clock")
    for word in wanted:
        if word not in header:
            yield f"{name}: its header says nothing of {word}"


def test_settings_are_on_their_page() -> None:
    """docs/configuration.md has every setting with today's default and meaning; `make lists` writes them there."""
    assert table_on_page(page("configuration.md")) == settings_table()


def test_parameters_are_on_their_page() -> None:
    """docs/api.md has what each model does with each parameter today; `make lists` writes it there."""
    assert parameters_table.table_on_page(page("api.md")) == parameters_table.parameters_table()


def test_errors_are_on_their_page() -> None:
    """docs/errors.md has every class of app/errors.py with its status, type and code."""
    told = {code(row[3]): (row[0], code(row[1]), code(row[2])) for row in table(page("errors.md"), "## Every error")}
    assert told == refusals()


def test_further_error_codes_are_on_their_page() -> None:
    """Codes that stand for a closer reason are told too."""
    own = {kind[2] for kind in refusals().values()}
    given = {
        name for module in modules(APP) if module.room not in ("simulator", "cli") for name in further_codes(module)
    }
    told = {code(row[0]) for row in table(page("errors.md"), "## Closer codes")}
    assert given - own - told == set()


def test_metrics_are_on_their_page() -> None:
    """docs/signals.md has every metric with its type and labels."""
    told = {code(row[0]): (row[1], row[2]) for row in table(page("signals.md"), "## Metrics")}
    assert told == exposed(Metrics("0", "0"))


@pytest.mark.parametrize("heading", ["## Metrics", "## The line of a request", "## Events"])
def test_signals_are_told_once(heading: str) -> None:
    """No metric, field or event has two rows, which would say two things one day."""
    names = [row[0] for row in table(page("signals.md"), heading)]
    assert sorted(set(names)) == sorted(names)


def test_log_fields_are_on_their_page() -> None:
    """docs/signals.md has every field of the line that ends a request."""
    (record,) = [module for module in modules(APP) if module.name == "app.gateway.log_line"]
    told = {code(row[0]) for row in table(page("signals.md"), "## The line of a request")}
    assert told == log_fields(record)


def test_events_are_on_their_page() -> None:
    """docs/signals.md has every event of the log."""
    found = {name for module in modules(APP) if module.room != "simulator" for name in events(module)}
    logged = {name for name in found if "." not in name}  # those of a stream of pictures have a dot
    told = {code(name) for row in table(page("signals.md"), "## Events") for name in row[0].split(", ")}
    assert told == logged


def test_attributes_of_spans_are_on_their_page() -> None:
    """docs/operations/traces.md has every attribute that a span can have."""
    (spans,) = [module for module in modules(APP) if module.name == "app.gateway.spans"]
    rows = table(page("operations/traces.md"), "## The tree")
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row[1])}
    assert told == attributes(spans)


def test_redis_keys_are_on_their_page() -> None:
    """docs/redis.md has the table of app/keyspace.py, word for word."""
    lines = [line for line in (keyspace.__doc__ or "").splitlines() if line.startswith("``ig:")]
    written = [[cell.replace("``", "`") for cell in re.split(r"\s{2,}", line)] for line in lines]
    assert table(page("redis.md"), "## Every key") == written


def test_every_redis_key_in_use_is_in_the_table() -> None:
    """Each name the code can make is one of the table's, and no other file writes a name of its own."""
    names = TeamKeys("T")
    made = {*names.books("K", 0, Naming("R", "F", "D")), names.key("K"), names.usage(0), keyspace.TEAMS}
    made |= {getattr(names, name) for name, value in vars(TeamKeys).items() if isinstance(value, property)}
    told = [code(row[0]) for row in table(page("redis.md"), "## Every key")]
    patterns = [re.sub("<[^>]+>", "[^{}]+", re.escape(name.replace("{t}", "{T}"))) for name in told]
    strangers = {name for name in made if not any(re.fullmatch(pattern, name) for pattern in patterns)}
    assert strangers == set()
    elsewhere = [module.name for module in modules(APP) if '"ig:' in module.text and module.name != "app.keyspace"]
    assert elsewhere == []


async def test_routes_are_on_their_page(tmp_path: Path) -> None:
    """docs/api.md has every route of both doors, and no other."""
    settings = load_settings(data_dir=tmp_path)
    async with open_services(settings, f"unix://{tmp_path}/nobody", background=False) as services:
        app = create_app(services)
        # FastAPI keeps an included router whole, so its routes are taken from the document it writes.
        documented = app.openapi()["paths"]
        bare = {(method, r.path) for r in app.router.routes if isinstance(r, Route) for method in r.methods or ()}
    had = {(method.upper(), path) for path, methods in documented.items() for method in methods}
    had |= {(method, path.replace(":path", "")) for method, path in bare if method != "HEAD"}
    text = page("api.md")
    told = {
        tuple(code(row[0]).split())
        for heading in ("## Public door", "## Operator's door")
        for row in table(text, heading)
    }
    assert told == had


def test_every_script_has_its_header() -> None:
    """Every Lua file says its duty, its arguments and its reply, and is loaded by scripts.py."""
    found = {path.name: path.read_text(encoding="utf-8") for path in LUA.glob("*.lua")}
    assert [fault for name, text in found.items() for fault in script_faults(name, text)] == []
    loaded = (APP / "ledger" / "scripts.py").read_text(encoding="utf-8")
    assert {name for name in found if f'"{name.removesuffix(".lua")}"' not in loaded.replace(".lua", "")} == set()


def test_table_reader_sees_rows_and_their_absence() -> None:
    """A table is read up to its end; a missing one is no empty one."""
    text = "\n## A\nwords\n| x | y |\n|---|---|\n| `a` | b \\| c |\n\n| other |\n## B\n"
    assert table(text, "## A") == [["`a`", "b | c"]]
    with pytest.raises(AssertionError, match="no heading"):
        table(text, "## C")
    with pytest.raises(AssertionError, match="no table"):
        table(text, "## B")


def test_settings_table_is_written_into_its_place(tmp_path: Path) -> None:
    """A page that has fallen behind is noticed, and `make lists` repairs it without touching the words around."""
    behind = page("configuration.md").replace("`8080`", "`80`")
    assert table_on_page(behind) != settings_table()
    copy = tmp_path / "configuration.md"
    copy.write_text(behind, encoding="utf-8")
    write(copy)
    assert copy.read_text(encoding="utf-8") == page("configuration.md")


def test_parameters_table_is_written_into_its_place(tmp_path: Path) -> None:
    """The same for the table of parameters; a model of a column of its own shows what it refuses."""
    own = tmp_path / "catalog"
    own.mkdir()
    text = 'extends = "qwen-image"\nname = "own"\n[parameters.strength]\ntype = "boolean"\nsource = "this test"\n'
    (own / "own.toml").write_text(text, encoding="utf-8")
    told = parameters_table.parameters_table(own)
    assert told != parameters_table.parameters_table()
    assert next(line for line in told.splitlines() if "`strength`" in line).count("dropped") == 8
    copy = tmp_path / "api.md"
    copy.write_text(page("api.md").replace("| dropped | dropped |", "| dropped |"), encoding="utf-8")
    parameters_table.write(copy)
    assert copy.read_text(encoding="utf-8") == page("api.md")


def test_inspector_sees_a_further_code() -> None:
    """Codes are found in plain, alternative and conditional form; made-up ones are the reader's to list."""
    module = parse("app.bad", 'f(code="one"); f(code=x or "two"); f(code="three" if y else z); f(code=f"{s}_key")')
    assert list(further_codes(module)) == ["one", "two", "three"]


def test_inspector_sees_log_fields() -> None:
    """Fields set at once and fields set later are found."""
    module = parse("app.bad", 'def log_request():\n    fields: dict = {"a": 1}\n    fields["b"] = 2')
    assert log_fields(module) == {"a", "b"}


def test_inspector_sees_events_and_attributes() -> None:
    """However an event is logged, and whichever span has an attribute."""
    text = 'log.info("x", extra={"event": "a"})\nnote("b", "x")\nannounce("c", "x")\nd = {"event": s, "x.y": 1}'
    module = parse("app.bad", text)
    assert (sorted(events(module)), attributes(module)) == (["a", "b", "c"], {"x.y"})


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        ("admit.lua", "return 1", 4),
        ("admit.lua", "-- other.lua: a duty\n-- ARGV (books.lua)\n-- Reply x\n\nreturn", 1),
        ("admit.lua", "-- admit.lua: a duty\n-- ARGV (books.lua)\n\n-- Reply too late\nreturn", 1),
        ("books.lua", "-- books.lua: a duty\n-- KEYS x\n-- ARGV y\n\nreturn", 1),
        ("admit.lua", "-- admit.lua: a duty\n-- ARGV (books.lua)\n-- Reply x\n\nreturn", 0),
        ("one.lua", "-- one.lua: a duty\n-- ARGV x; books.lua does not stand in front\n-- Reply x\n\nreturn", 2),
    ],
)
def test_inspector_sees_a_poor_script_header(name: str, text: str, faults: int) -> None:
    """Each missing part of a header is one complaint."""
    assert len(list(script_faults(name, text))) == faults

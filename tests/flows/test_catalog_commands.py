"""`imagegate check` and `imagegate catalog sync` as people use them, with a real server for the price list."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from typing_extensions import override

from app.catalog.catalog import load_catalog
from app.cli.main import main
from app.money import token_price
from app.simulator.server import Simulator

FILE = "00-cometapi-gpt-image-2.toml"
KEY = "sk-upstream-of-the-tests"


BY_HAND = 'extends = "qwen-image"\n[price]\nper_image = "0.035"\nsource = "our contract"\n'


def pricing_of_a_request(dollars: float) -> dict[str, Any]:
    """A price by the request as CometAPI lists it."""
    return {"currency": "USD / request", "input": None, "output": None, "per_request": dollars}


def pricing(text_input: float, output: float) -> dict[str, Any]:
    """A price by tokens as CometAPI lists it."""
    return {"currency": "USD / M Tokens", "input": text_input, "output": output, "per_request": None}


class PriceListServer(ThreadingHTTPServer):
    """Answers every GET with ``answer``, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer = b""

    def list_prices(self, **pricings: dict[str, Any]) -> None:
        """Answer with these models."""
        entries = [{"id": name.replace("_", "-"), "pricing": found} for name, found in pricings.items()]
        self.answer = json.dumps({"success": True, "data": entries}).encode()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, PriceListServer)
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def prices() -> Iterator[PriceListServer]:
    """A server of price lists."""
    with PriceListServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(*words: str, **given: str) -> Result:
    """Run a command in this process, with the settings given and no others."""
    ours = [name for name in os.environ if name.startswith(("IMAGEGATE_", "COMETAPI_"))]
    environment = dict.fromkeys(ours) | {"NO_PROXY": "", "no_proxy": "*"} | given
    return CliRunner().invoke(main, words, env=environment)


def sync(prices: PriceListServer, *words: str, **given: str) -> Result:
    """Sync against the test's server."""
    return run("catalog", "sync", *words, COMETAPI_BASE_URL=f"{prices.address}/v1", COMETAPI_KEY=KEY, **given)


def test_check_prints_models_and_prices() -> None:
    """Names, aliases, prices, their basis and the end of a model, without a key and without anything running."""
    checked = run("check")

    assert checked.exit_code == 0
    lines = {line.split(" ")[0]: line.split() for line in checked.stdout.splitlines() if line}
    assert lines["gpt-image-2"][1:6] == ["$4.00", "$8.00", "$24.00", "$24.00", "cometapi"]
    assert "gpt-image-2-2026-04-21" in lines["gpt-image-2"]
    assert lines["gpt-image-1.5"][5] == "list"
    assert lines["dall-e-3"][5:9] == ["unpriced", "retired", "2026-05-12,", "use"]
    assert "COMETAPI_KEY is not set" in checked.stdout
    assert "COMETAPI_KEY" not in run("check", COMETAPI_KEY=KEY).stdout


def test_check_reminds_of_what_replicas_share() -> None:
    """Whoever has a Redis of their own may have several replicas; links must open on each of them."""
    own_redis = {"IMAGEGATE_REDIS_URL": "redis://127.0.0.1:1", "IMAGEGATE_PUBLIC_URL": "https://images.example"}
    reminded = run("check", **own_redis, IMAGEGATE_RESULT_SECONDS="0")

    assert reminded.exit_code == 0
    assert "IMAGEGATE_SIGNING_KEY, IMAGEGATE_IMAGE_STORE." in reminded.stdout
    assert "Nothing is archived" in reminded.stdout
    assert "IMAGEGATE_ARCHIVE_STORE" in reminded.stdout
    alone = run("check", **own_redis, IMAGEGATE_RESULT_SECONDS="0", IMAGEGATE_REPLICAS="1")
    assert "Nothing is archived" not in alone.stdout
    assert "replicas" not in run("check").stdout
    assert "replicas" not in run("check", **own_redis, IMAGEGATE_REPLICAS="1").stdout


def test_check_fails_where_replicas_do_not_share_their_answers() -> None:
    """A Redis of one's own, and no word of how many share it: a store for answers is wanted; each way out works."""
    own_redis = {"IMAGEGATE_REDIS_URL": "redis://127.0.0.1:1"}
    checked = run("check", **own_redis)
    (fault,) = checked.stderr.splitlines()

    assert checked.exit_code == 1
    for said in ("IMAGEGATE_RESULT_STORE is not set", "IMAGEGATE_REPLICAS=1", "IMAGEGATE_RESULT_SECONDS=0", "a bucket"):
        assert said in fault
    assert [f"Error: {told}" for told in json.loads(run("check", "--json", **own_redis).stdout)["faults"]] == [fault]
    for way_out in (
        {"IMAGEGATE_RESULT_STORE": "s3://bucket/results"},
        {"IMAGEGATE_RESULT_STORE": "/srv/shared/results"},
        {"IMAGEGATE_RESULT_SECONDS": "0"},
        {"IMAGEGATE_REPLICAS": "1"},
    ):
        assert run("check", **own_redis, **way_out).exit_code == 0
    assert run("check", IMAGEGATE_REPLICAS="1").exit_code == 0


def test_check_fails_where_told_replicas_share_too_little(tmp_path: Path) -> None:
    """With a number of replicas all they have to share is wanted, by name; wrong files are told along with it."""
    shared = {
        "IMAGEGATE_RESULT_STORE": "s3://bucket/results",
        "IMAGEGATE_REDIS_URL": "redis://127.0.0.1:1",
        "IMAGEGATE_SIGNING_KEY": "k" * 32,
        "IMAGEGATE_PUBLIC_URL": "https://images.example",
        "IMAGEGATE_IMAGE_STORE": "s3://bucket/images",
        "IMAGEGATE_ARCHIVE_STORE": "s3://bucket/archive",
    }
    (tmp_path / "b.toml").write_text("no toml", encoding="utf-8")
    bare = run("check", str(tmp_path), IMAGEGATE_REPLICAS="3")
    *faults, of_the_catalog = bare.stderr.splitlines()

    assert bare.exit_code == 1
    assert [fault.removeprefix("Error: ").split(" ")[0] for fault in faults] == list(shared)
    assert all("3 replicas" in fault for fault in faults)
    assert "IMAGEGATE_REPLICAS=1" not in bare.stderr
    assert "b.toml" in of_the_catalog
    assert run("check", IMAGEGATE_REPLICAS="3", **shared).exit_code == 0
    for name in shared:
        lacking = run("check", IMAGEGATE_REPLICAS="3", **{other: shared[other] for other in shared if other != name})
        assert lacking.exit_code == 1
        assert lacking.stderr.startswith(f"Error: {name} is not set")
    assert run("check", IMAGEGATE_REPLICAS="3", IMAGEGATE_RESULT_SECONDS="0", **shared).exit_code == 0
    del shared["IMAGEGATE_ARCHIVE_STORE"]
    assert run("check", IMAGEGATE_REPLICAS="3", IMAGEGATE_LEDGER_DAYS="0", **shared).exit_code == 0


def test_check_prints_json(tmp_path: Path) -> None:
    """The same for a program, prices as exact text; a folder on the command line is the catalog's."""
    (tmp_path / "own.toml").write_text(BY_HAND, encoding="utf-8")
    told = json.loads(run("check", str(tmp_path), "--json").stdout)

    models = {model["name"]: model for model in told["models"]}
    assert told["faults"] == []
    assert told["default_model"] == "gpt-image-2"
    assert models["gpt-image-2"]["prices"]["text_input"] == "4.00"
    assert models["qwen-image"]["prices"] == {"per_image": "0.035"}
    assert (models["qwen-image"]["source"], models["qwen-image"]["basis"]) == ("our contract", "operator")
    assert models["gpt-image-1"]["retired"] == {"since": "2026-10-23", "replacement": "gpt-image-2"}
    assert models["doubao-seedream-5-0-260128"]["basis"] == "unpriced"
    assert "$0.035" in run("check", IMAGEGATE_CATALOG_DIR=str(tmp_path)).stdout


def test_check_names_every_fault(tmp_path: Path) -> None:
    """Each file with its fields, in one go, and status 1; in JSON too."""
    (tmp_path / "a.toml").write_text('extends = "gpt-image-2"\ncolour = "red"\nowned_by = 7\n', encoding="utf-8")
    (tmp_path / "b.toml").write_text("no toml", encoding="utf-8")
    (tmp_path / "c.toml").write_text('extends = "gpt-image-2"\naliases = ["fine"]\n', encoding="utf-8")
    (tmp_path / "d.toml").mkdir()
    checked = run("check", str(tmp_path))
    told = run("check", str(tmp_path), "--json")

    assert checked.exit_code == told.exit_code == 1
    first, second, third = checked.stderr.splitlines()
    assert first.startswith(f"Error: {tmp_path}/a.toml: ")
    assert "colour" in first
    assert "owned_by" in first
    assert second.startswith(f"Error: {tmp_path}/b.toml: ")
    assert third.startswith(f"Error: {tmp_path}/d.toml: ")
    assert [f"Error: {fault}" for fault in json.loads(told.stdout)["faults"]] == [first, second, third]


def test_check_names_a_missing_folder_and_default_model(tmp_path: Path) -> None:
    """Faults that belong to no file are told as well."""
    missing = run("check", str(tmp_path / "nowhere"))
    stranger = run("check", IMAGEGATE_DEFAULT_MODEL="no-such-model")

    assert missing.exit_code == stranger.exit_code == 1
    assert "not a folder" in missing.stderr
    assert "default model" in stranger.stderr
    assert run("check", IMAGEGATE_DEFAULT_MODEL="new-model", IMAGEGATE_UNKNOWN_MODELS="pass").exit_code == 0


def test_sync_prints_the_differences(prices: PriceListServer) -> None:
    """Ours, CometAPI's and the change, read without our key from the root of the upstream's address."""
    prices.list_prices(gpt_image_2=pricing(5, 24), qwen_image=pricing(-1, 2), some_llm=pricing(1, 2))
    told = sync(prices)

    assert told.exit_code == 0
    rows = [line.split() for line in told.stdout.splitlines()]
    assert ["gpt-image-2", "text_input", "$4.00", "$5.00", "+25.0", "%"] in rows
    assert "qwen-image: listed with a price of input below 0" in told.stdout
    assert "With --write" in told.stdout
    ((path, headers),) = prices.asked
    assert path == "/api/models"
    assert KEY not in str(headers)
    assert "authorization" not in headers


async def test_sync_reads_the_simulators_list(simulator: Simulator) -> None:
    """The pretend CometAPI has a list as well: what is unpriced here has a price there."""
    told = await asyncio.to_thread(run, "catalog", "sync", COMETAPI_BASE_URL=simulator.url)

    assert told.exit_code == 0
    assert ["qwen-image", "basis", "unpriced", "cometapi"] in [line.split() for line in told.stdout.splitlines()]


def test_sync_without_differences_says_so(prices: PriceListServer) -> None:
    """Nothing to take over is no table; what the list does not have is named."""
    prices.list_prices(gpt_image_2=pricing(4, 24))
    told = sync(prices)

    assert told.exit_code == 0
    assert "1 of the catalog's" in told.stdout
    assert "0 differ" in told.stdout
    assert "Not in the list: " in told.stdout
    assert "--write" not in told.stdout


def test_sync_writes_the_new_prices(prices: PriceListServer, tmp_path: Path) -> None:
    """What it writes is the catalog's from then on, so that a second sync finds nothing; `--url` reads another list."""
    prices.list_prices(gpt_image_2=pricing(5, 24))
    folder = {"IMAGEGATE_CATALOG_DIR": str(tmp_path)}
    written = sync(prices, "--write", **folder)
    again = run("catalog", "sync", "--url", f"{prices.address}/elsewhere", **folder)

    assert f"gpt-image-2: written to {FILE}." in written.stdout
    written_prices = load_catalog(tmp_path).find("gpt-image-2").prices
    assert written_prices is not None
    assert written_prices.text_input == token_price("5")
    assert written_prices.basis == "cometapi"
    assert "0 differ" in again.stdout
    assert prices.asked[-1][0] == "/elsewhere"


def test_sync_prints_json(prices: PriceListServer, tmp_path: Path) -> None:
    """The same for a program; with --write, what became of each model's file."""
    prices.list_prices(gpt_image_2=pricing(5, 24), qwen_image=pricing(-1, 2))
    told = json.loads(sync(prices, "--json").stdout)
    changes = {difference["model"]: difference["changes"] for difference in told["differences"]}
    first = {"price": "text_input", "ours": "$4.00", "cometapi": "$5.00", "percent": "+25.0 %"}
    assert first in changes["gpt-image-2"]
    assert [difference["model"] for difference in told["differences"] if difference["obstacle"]] == ["qwen-image"]
    assert "dall-e-3" in told["not_listed"]
    assert told["written"] == {}
    written = json.loads(sync(prices, "--json", "--write", IMAGEGATE_CATALOG_DIR=str(tmp_path)).stdout)["written"]
    assert FILE in written["gpt-image-2"]


def test_sync_makes_the_folder(prices: PriceListServer, tmp_path: Path) -> None:
    """The first `--write` makes IMAGEGATE_CATALOG_DIR; where nothing is written, that it is not there is a fault."""
    prices.list_prices(gpt_image_2=pricing(5, 24))
    folder = tmp_path / "new" / "catalog"

    assert "not a folder" in sync(prices, IMAGEGATE_CATALOG_DIR=str(folder)).stderr
    assert f"written to {FILE}." in sync(prices, "--write", IMAGEGATE_CATALOG_DIR=str(folder)).stdout
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_sync_says_beforehand_what_it_would_keep(prices: PriceListServer, tmp_path: Path) -> None:
    """Prices by hand are named without `--write` too, and only what would be written is said to be taken over."""
    (tmp_path / "own.toml").write_text(BY_HAND, encoding="utf-8")
    folder = {"IMAGEGATE_CATALOG_DIR": str(tmp_path)}
    prices.list_prices(qwen_image=pricing_of_a_request(0.05))
    one = sync(prices, **folder)
    prices.list_prices(qwen_image=pricing_of_a_request(0.05), gpt_image_2=pricing(5, 24))
    two = sync(prices, **folder)

    assert "qwen-image: kept as it is, own.toml prices it by hand.\n--write would change nothing.\n" in one.stdout
    assert ["qwen-image", "per_image", "$0.035", "$0.05", "+42.9", "%"] in [
        row.split() for row in one.stdout.split("\n")
    ]
    assert "operator" not in one.stdout
    assert "by hand.\nWith --write these are taken over: gpt-image-2.\n" in two.stdout


def test_check_remarks_on_two_prices(tmp_path: Path) -> None:
    """Two files that price one model load, and are told with the one that counts, for people and for programs."""
    (tmp_path / "a.toml").write_text(BY_HAND, encoding="utf-8")
    (tmp_path / "b.toml").write_text(BY_HAND.replace("0.035", "0.036"), encoding="utf-8")
    remark = "qwen-image is priced by a.toml and b.toml; b.toml counts."

    assert f"\n{remark}\n" in run("check", str(tmp_path)).stdout
    assert remark in json.loads(run("check", str(tmp_path), "--json").stdout)["remarks"]


def test_sync_without_a_folder_writes_nothing(prices: PriceListServer) -> None:
    """`--write` without IMAGEGATE_CATALOG_DIR is told before anybody is asked."""
    told = sync(prices, "--write")

    assert told.exit_code == 1
    assert "IMAGEGATE_CATALOG_DIR" in told.stderr
    assert prices.asked == []


def test_sync_tells_what_is_no_list(prices: PriceListServer) -> None:
    """A page in place of the list is one sentence with the address, and status 1."""
    prices.answer = b"<!doctype html>"
    told = sync(prices)

    assert told.exit_code == 1
    assert told.stderr == (
        f"Error: No price list from {prices.address}/api/models: "
        "the answer is not JSON, so this may not be CometAPI's address.\n"
    )


def test_sync_tells_what_is_no_address(prices: PriceListServer) -> None:
    """A mistyped `--url`, and a proxy this cannot use, are told in a sentence too."""
    wrong = run("catalog", "sync", "--url", "http://127.0.0.1:port/")
    proxied = run("catalog", "sync", "--url", f"{prices.address}/list", http_proxy="socks5://127.0.0.1:1", no_proxy="")

    assert (wrong.exit_code, proxied.exit_code) == (1, 2)
    assert "No price list from http://127.0.0.1:port/: this is no address" in wrong.stderr
    assert "HTTP_PROXY" in proxied.stderr


@pytest.mark.parametrize("end", ["", "/"])
def test_sync_wants_the_whole_address(prices: PriceListServer, end: str) -> None:
    """`--url` with a host alone is told what is missing, and nobody is asked."""
    told = run("catalog", "sync", "--url", prices.address + end)

    assert told.exit_code == 1
    assert told.stderr == f"Error: --url wants the whole address of the list: {prices.address}/api/models\n"
    assert prices.asked == []

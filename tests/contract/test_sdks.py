"""An ordinary OpenAI SDK cannot tell the gateway from OpenAI: every case, with every SDK, over a socket."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import pytest

from tests.contract.cases import node_cases, python_cases
from tests.contract.environments import HERE
from tests.contract.sdk_run import SDKS, SdkRun, play_all
from tests.house.test_locks import lock_faults

Play = Callable[[str], Future[SdkRun]]

NO_COMPLEXITY = "images.generate has no parameter complexity"
LACKING = {
    ("openai-1", "newest_parameter_is_known"): NO_COMPLEXITY,
    ("openai-2", "newest_parameter_is_known"): NO_COMPLEXITY,
}
"""What an SDK has no way to do; everything else is shown for all."""

MOST_SHOWN_CHARS = 4000
"""A picture in base64 that is not as it should be is megabytes long."""

CASES = {sdk: node_cases() if sdk == "openai-node" else python_cases() for sdk in SDKS}

ONLY_PYTHON = {
    "asynchronous_client_edits", "asynchronous_client_gets_a_picture", "asynchronous_client_lists_models",
    "asynchronous_client_raises_the_same", "asynchronous_client_streams",
}  # fmt: skip
"""The one client of the Node SDK is asynchronous."""


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """All cases of an SDK, played when the first of them is asked for; what fails before them fails once."""
    with ThreadPoolExecutor(1) as thread:
        yield cache(lambda sdk: thread.submit(play_all, sdk, tmp_path_factory.mktemp(sdk)))


@pytest.mark.slow
@pytest.mark.parametrize(("sdk", "case"), [(sdk, case) for sdk in SDKS for case in CASES[sdk]])
def test_an_sdk_finds_what_it_finds_at_openai(play: Play, sdk: str, case: str) -> None:
    """The sentence of each case stands above it in its driver."""
    run = play(sdk).result()
    told = run.results.get(case)
    if told is None:
        pytest.fail(f"The driver ended before this case: {CASES[sdk][case]}\n\n{run.complaints}", pytrace=False)
    assert told.get("lacks") == LACKING.get((sdk, case))
    if not ("lacks" in told or told["ok"]):
        pytest.fail(f"{CASES[sdk][case]}\n\n{told['detail'][:MOST_SHOWN_CHARS]}", pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("sdk", SDKS)
def test_a_driver_plays_its_cases_and_no_others(play: Play, sdk: str) -> None:
    """No case is played that is not listed here, or listed and never played, and nothing is complained about."""
    run = play(sdk).result()
    assert run.results.keys() == CASES[sdk].keys()
    assert run.complaints == ""


def test_node_has_the_cases_of_python() -> None:
    """Both languages show the same; what only one can is named."""
    assert node_cases().keys() | ONLY_PYTHON == python_cases().keys()
    assert not ONLY_PYTHON & node_cases().keys()


def test_every_case_has_its_sentence() -> None:
    """What a case shows can be read above it."""
    assert [name for cases in CASES.values() for name, sentence in cases.items() if not sentence] == []


@pytest.mark.parametrize("name", ["openai-1", "openai-2", "openai-3", "node"])
def test_python_locks_hold_exact_versions_and_hashes_only(name: str) -> None:
    """What the SDKs' environments hold is as locked as our own."""
    assert list(lock_faults((HERE / f"requirements-{name}.txt").read_text(encoding="utf-8"))) == []


def test_node_lock_names_no_registry() -> None:
    """Packages come from wherever the machine's npm is told to, and are known by their hashes."""
    text = (HERE / "node" / "package-lock.json").read_text(encoding="utf-8")

    assert '"integrity": "sha512-' in text
    assert "://" not in text
    assert '"resolved"' not in text

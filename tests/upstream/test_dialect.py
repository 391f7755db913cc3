"""What an upstream's error answers mean: to the teammate, and for the money."""

import re
from datetime import UTC, datetime

import orjson
import pytest

from app.errors import (
    InvalidRequest,
    LimitExceeded,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnknown,
)
from app.upstream.dialect import no_picture, read_error, read_failure, read_retry_after, read_upstream_id
from app.upstream.failure import Cause


def envelope(message: str, **given: object) -> bytes:
    """An error in the upstream's envelope."""
    return orjson.dumps({"error": {"message": message, "type": "comet_api_error", "param": "", **given}})


@pytest.mark.parametrize("status", [408, 499, 504, 520, 522, 524])
@pytest.mark.parametrize(
    "body",
    [b"<html>", b"", b'{"message": "Endpoint request timed out"}', envelope("slow", code="bad_response")],
    ids=["html", "nothing", "a proxy's json", "the envelope"],
)
def test_whoever_gave_up_waiting_leaves_the_outcome_unknown(status: int, body: bytes) -> None:
    """A time-out is one in whatever form it comes: charged, and retries are told to stop."""
    failure = read_failure(status, body)

    assert failure.charged
    assert type(failure.error) is UpstreamTimeout
    assert failure.error.should_retry is False


@pytest.mark.parametrize(
    ("status", "body", "kind", "charged"),
    [
        (429, b"<html>1015</html>", LimitExceeded, False),
        (429, envelope("saturated"), LimitExceeded, False),
        (301, b"", UpstreamUnavailable, False),
        (403, b"<html>", UpstreamUnavailable, False),
        (401, envelope("invalid token"), UpstreamUnavailable, False),
        (400, envelope("Billing hard limit", code="billing_hard_limit_reached"), UpstreamUnavailable, False),
        (500, envelope("user quota is not enough"), UpstreamUnavailable, False),
        (503, envelope("no available channel", code="model_not_found"), UpstreamUnavailable, False),
        (500, envelope("field messages is required", code="invalid_request"), InvalidRequest, False),
        (500, b'{"code": "", "message": "model name is required"}', UpstreamFailed, False),
        (500, b'{"message": "Internal server error"}', UpstreamUnknown, True),
        (502, b"<html>", UpstreamUnknown, True),
        (500, b"", UpstreamUnknown, True),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(status: int, body: bytes, kind: type[Exception], charged: bool) -> None:
    """By code and message before status; only the upstream's own envelope gives a hold back on a 5xx."""
    failure = read_failure(status, body)

    assert (type(failure.error), failure.charged) == (kind, charged)


@pytest.mark.parametrize(
    "message",
    [
        "no available channel for group default and model X (distributor) (request id: 2026020513)",
        "Azure OpenAI deployment img-eu-3 of organization org-x7 is out of capacity",
        "Your prompt 'a secret plan' could not be processed",
        "Invalid size " + "x" * 400,
    ],
)
def test_words_about_the_upstream_stay_here(message: str) -> None:
    """A message that is not known to speak of the request is replaced; the log's detail has our words for it only."""
    failure = read_failure(400, envelope(message, code="whatever", param="channel: 7"))

    assert failure.error.message == "The image service refused this request as invalid."
    assert failure.error.param is None
    assert failure.error.code == "invalid_request"
    assert failure.error.detail.startswith("status 400, code 'whatever', type 'comet_api_error'")
    assert not {"default", "deployment", "secret", "xxx"} & set(re.findall(r"[a-z]+", failure.error.detail))
    assert message.startswith(failure.words[:40])
    assert len(failure.words) <= 500


def test_names_of_an_error_are_logged_only_as_names() -> None:
    """A code, type or request id with somebody's words in it is left out of the log's detail and of the id."""
    words = "a paper boat, secretly"
    failure = read_failure(400, envelope(f"no (request id: {words})", code=words, type=words))

    assert (failure.error.detail, failure.upstream_id) == ("status 400", None)


@pytest.mark.parametrize(
    ("headers", "upstream_id"),
    [
        ([(b"X-Request-Id", b"req_2"), (b"X-Oneapi-Request-Id", b"20260205-13")], "20260205-13"),
        ([(b"x-request-id", b"req_2")], "req_2"),
        ([(b"x-request-id", b"two words")], None),
        ([], None),
    ],
)
def test_the_upstream_tells_its_id(headers: list[tuple[bytes, bytes]], upstream_id: str | None) -> None:
    """The id of an answer is that of its header, where it is one."""
    assert read_upstream_id(headers) == upstream_id


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (402, "Insufficient Balance", None),
        (400, "API key not valid", None),
        (400, "Incorrect API key provided: sk-abcdefgh12345678", "invalid_api_key"),
        (404, "Invalid URL (POST /v1/v1/images/generations)", None),
    ],
)
def test_what_is_ours_to_mend_is_no_fault_of_the_caller(status: int, message: str, code: str | None) -> None:
    """Our key, balance and address answer 503 for the operator to see, never a 4xx for the teammate."""
    failure = read_failure(status, envelope(message, code=code))

    assert type(failure.error) is UpstreamUnavailable
    assert "sk-" not in failure.error.message


@pytest.mark.parametrize("document", [{}, {"task_id": "abc"}, {"error": "internal failure"}, {"data": {}}])
def test_a_200_of_another_kind_leaves_the_outcome_unknown(document: dict[str, object]) -> None:
    """Only an empty list of pictures means a filtered prompt; anything else is charged as unknown."""
    failure = no_picture(document)

    assert (type(failure.error), failure.charged) == (UpstreamUnknown, True)


def test_an_error_that_reports_tokens_is_charged_for_them() -> None:
    """An error inside a 200 that bills output tokens is settled at them, and not to be retried."""
    failure = no_picture({"error": {"message": "x", "code": "y"}, "usage": {"input_tokens": 9, "output_tokens": 196}})

    assert (failure.charged, failure.usages, failure.error.should_retry) == (
        True,
        ({"input_tokens": 9, "output_tokens": 196},),
        False,
    )


def test_words_about_the_request_are_told() -> None:
    """OpenAI's own validation reaches the teammate, without the relay's request id, which is kept for the ledger."""
    told = "Invalid size '1792x936'. Width and height must both be divisible by 16."
    failure = read_failure(400, envelope(f"{told} (request id: 20260205)", code="invalid_value", param="size"))

    assert (failure.error.message, failure.error.param, failure.error.code) == (told, "size", "invalid_value")
    assert failure.upstream_id == "20260205"


def test_moderation_details_pass_and_nothing_else_with_them() -> None:
    """Stage and categories of a moderation reach the teammate; other members, and unknown codes, do not."""
    details = {"moderation_stage": "output", "categories": ["sexual"], "internal": "x"}
    message = "Your request was rejected by the safety system. safety_violations=[sexual]."
    failure = read_failure(400, envelope(message, code="anything", moderation_details=details))

    error = failure.error.envelope()["error"]
    assert error["code"] == "moderation_blocked"
    assert error["message"] == message
    assert error["moderation_details"] == {"moderation_stage": "output", "categories": ["sexual"]}


def test_an_empty_answer_is_an_error_and_charged_only_for_its_tokens() -> None:
    """A 200 without a picture is a refused prompt; where it reports output tokens they are charged."""
    nothing = no_picture({"data": []})
    billed = no_picture({"data": [], "usage": {"input_tokens": 9, "output_tokens": 196}})

    assert (nothing.error.status, nothing.charged) == (400, False)
    assert (billed.charged, billed.usages) == (True, ({"input_tokens": 9, "output_tokens": 196},))


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (429, b"<html>1015</html>", Cause.BUSY),
        (429, envelope("saturated"), Cause.BUSY),
        (429, envelope("Resource has been exhausted (e.g. check quota)."), Cause.BUSY),
        (500, envelope("slow down", code="rate_limit_exceeded"), Cause.BUSY),
        (500, envelope("slow down", code=429), Cause.BUSY),
        (429, envelope("pay", code="insufficient_quota"), Cause.ACCOUNT),
        (401, envelope("invalid token"), Cause.ACCOUNT),
        (402, envelope("Insufficient Balance"), Cause.ACCOUNT),
        (403, envelope("user quota is not enough", code="insufficient_user_quota"), Cause.ACCOUNT),
        (403, envelope("this token has no access to model X"), Cause.NOT_PERMITTED),
        (503, envelope("no available channel", code="model_not_found"), Cause.NO_CAPACITY),
        (404, envelope("no such model", code="model_not_found"), None),
        (500, envelope("Your prompt 'more quota' failed"), None),
        (400, envelope("API key not valid"), None),
        (400, envelope("Invalid size", code="invalid_value"), None),
        (400, envelope("no", code="moderation_blocked"), None),
        (500, envelope("do request failed", code="do_request_failed"), None),
        (503, b"<html>", None),
        (504, envelope("slow", code="rate_limited"), None),
        (301, b"", None),
        (403, b"<html>", None),
    ],
)
def test_only_clear_refusals_have_made_nothing(status: int, body: bytes, cause: Cause | None) -> None:
    """A refusal by the rate, the channels or the account is certain, by status or code; no message makes one."""
    failure = read_failure(status, body)

    assert (failure.cause, failure.nothing_made) == (cause, cause is not None)


def test_inside_a_200_a_refusal_tells_of_the_key_only() -> None:
    """Who has promised a 200 may have begun: nothing is certain of the picture."""
    failure = read_error(200, {"message": "quota", "code": "insufficient_user_quota"})

    assert (failure.cause, failure.nothing_made) == (Cause.ACCOUNT, False)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("999999999999", 300),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("\u0667", None),
        ("Sun, 22 Nov 2026 12:00:30 +" + "9" * 400, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(value: str, seconds: float | None) -> None:
    """Seconds or a date, from one second to five minutes; anything else is as good as nothing."""
    assert read_retry_after(value, datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) == seconds


def test_the_upstream_s_own_wait_is_told() -> None:
    """A refusal that says when to come back says what the upstream said; one that does not stays silent."""
    busy = read_failure(429, envelope("saturated"), 42.0)
    invalid = read_failure(400, envelope("no"), 42.0)

    assert (busy.retry_after_seconds, busy.error.retry_after_seconds) == (42, 42)
    assert invalid.error.retry_after_seconds is None

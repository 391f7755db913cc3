"""The writer on answers written by hand: what goes out, and when."""

import json

import pytest

from app.upstream.scanner import MalformedAnswer
from tests.support.rewriting import NOW, Rewriting


def rewrite(body: bytes) -> bytes:
    """The whole output for this body."""
    rewriter = Rewriting()
    return b"".join(rewriter.feed(body)) + rewriter.finish()[0]


def test_output_of_a_relay_becomes_openai_s() -> None:
    """Empty members, foreign counters and vendor fields go; the missing output details are filled in."""
    body = json.dumps(
        {
            "data": [
                {"url": "", "b64_json": "iVBORw0KGgo=", "revised_prompt": ""},
                {"url": "", "b64_json": "", "revised_prompt": "filtered"},
                {"revised_prompt": "A fox", "b64_json": "/9j/4AAQSkZJRg==", "size": "1024x1024"},
            ],
            "created": 1781075000,
            "background": "opaque",
            "quality": "",
            "channel": "x",
            "usage": {
                "prompt_tokens": 0,
                "total_tokens": 981,
                "input_tokens": 785,
                "output_tokens": 196,
                "input_tokens_details": {"image_tokens": 768, "text_tokens": 17, "cached_tokens_details": {}},
                "claude_cache_creation_5_m_tokens": 0,
            },
        }
    ).encode()

    assert json.loads(rewrite(body)) == {
        "created": 1781075000,
        "data": [{"b64_json": "iVBORw0KGgo="}, {"b64_json": "/9j/4AAQSkZJRg==", "revised_prompt": "A fox"}],
        "background": "opaque",
        "usage": {
            "input_tokens": 785,
            "output_tokens": 196,
            "total_tokens": 981,
            "input_tokens_details": {"text_tokens": 17, "image_tokens": 768},
            "output_tokens_details": {"text_tokens": 0, "image_tokens": 196},
        },
    }


def test_output_follows_the_picture_at_once() -> None:
    """Held until the picture begins; then the head and the picture's own bytes; the end only with the end."""
    rewriter = Rewriting()
    chunk = b"A" * 1000

    assert rewriter.feed(b'{"created":7,"data":[{"revised_prompt":"p","b64_json":"') == []
    assert not rewriter.scanner.committed
    assert rewriter.feed(chunk) == [b'{"created":7,"data":[{"b64_json":"', chunk]
    assert rewriter.scanner.committed
    (passed,) = rewriter.feed(chunk)
    assert passed is chunk
    assert rewriter.feed(b'"},{"url":"u') == [b'"', b',"revised_prompt":"p"},{"url":"', b"u"]
    assert rewriter.feed(b'"}]}') == [b'"']
    output, answer = rewriter.finish()
    assert output == b"}]}"
    assert answer.delivered == 2


def test_created_behind_data_is_written_behind_data() -> None:
    """What is not known at the first picture waits; an answer without ``created`` gets ours."""
    assert rewrite(b'{"data":[{"url":"u"}],"created":7}') == b'{"data":[{"url":"u"}],"created":7}'
    assert rewrite(b'{"created":0,"data":[{"url":"u"}]}') == b'{"data":[{"url":"u"}],"created":%d}' % NOW
    assert rewrite(b'{"data":[{"url":"u"}]}') == b'{"data":[{"url":"u"}],"created":%d}' % NOW


def test_answer_without_pictures_yields_nothing() -> None:
    """The caller makes an error of it, with the upstream's own words at hand."""
    rewriter = Rewriting()

    assert rewriter.feed(b'{"data":[{"b64_json":""}],"error":{"message":"no"}}') == []
    output, answer = rewriter.finish()

    assert output == b""
    assert answer.delivered == 0
    assert answer.document["error"] == {"message": "no"}


def test_cut_answer_never_ends() -> None:
    """A fault behind the first picture leaves the output incomplete: the caller cuts the connection."""
    rewriter = Rewriting()
    sent = b"".join(rewriter.feed(b'{"data":[{"b64_json":"iVBO"},{"b64_json":"iVB'))

    with pytest.raises(MalformedAnswer):
        rewriter.finish()
    with pytest.raises(json.JSONDecodeError):
        json.loads(sent)

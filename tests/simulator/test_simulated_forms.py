"""What is no form, or a broken one, is refused in the words of CometAPI's parser."""

import httpx
import pytest

PATH = "/v1/images/edits"


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("application/json", b'{"images": [{"image_url": "data:"}]}', "isn't multipart/form-data"),
        ("multipart/form-data", b"", "no multipart boundary"),
        ("multipart/form-data; boundary=x", b"", "NextPart: EOF"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1', "EOF"),
        ("multipart/form-data; boundary=x", b"--x\r\nno end of headers\r\n--x--", "malformed part header"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\nanonymous\r\n--x--", "without a name"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\n\r\n" * 66, "too large"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nA: " + b"b" * 9000 + b"\r\n\r\n1\r\n--x--",
            "malformed part header",
        ),
    ],
)
async def test_what_is_no_form(client: httpx.AsyncClient, content_type: str, body: bytes, words: str) -> None:
    """JSON, which CometAPI does not document for edits, and broken forms are a 500 in the words of its parser."""
    answer = await client.post(PATH, content=body, headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "invalid_request")
    assert words in answer.json()["error"]["message"]

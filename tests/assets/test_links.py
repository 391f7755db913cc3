"""Links to hosted pictures: only ours open, and not one character of them can be changed."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assets.errors import SigningKeyError
from app.assets.links import KEY_FILE, LinkSigner, load_signing_key
from app.assets.names import expiry_of, extension_of, is_name, new_name

SIGNER = LinkSigner(b"a key of the tests, 32 bytes long", "https://images.example.com/gateway/")
NAME = "1800000000-0123456789abcdefghijKL.png"
PREFIX = "https://images.example.com/gateway/images/"
SIGNATURE = SIGNER.link(NAME).removeprefix(PREFIX).partition("/")[0]


def test_a_link_opens_what_it_was_made_for() -> None:
    """A link is the public address, the signature and the name, and verifies."""
    assert SIGNER.link(NAME) == f"{PREFIX}{SIGNATURE}/{NAME}"
    assert SIGNER.verify(SIGNATURE, NAME)
    assert len(SIGNATURE) == 43


def test_a_signature_is_plain_hmac_sha256() -> None:
    """What any other program with the key would compute: base64url of HMAC-SHA256, without padding."""
    # printf %s NAME | openssl dgst -sha256 -hmac KEY -binary | basenc --base64url
    assert LinkSigner(b"key", "http://a").link("1800000000-0000000000000000000000.png").split("/")[-2] == (
        "3jAL6wHcMUhqooQxtH7mzEosvEcx4Y1vVIQ-rMThuv0"
    )


@given(st.integers(0, len(SIGNATURE + NAME) - 1), st.characters())
def test_no_changed_character_verifies(place: int, character: str) -> None:
    """Whatever character of signature or name is replaced by whatever other, the link does not open."""
    text = SIGNATURE + NAME
    changed = text[:place] + character + text[place + 1 :]
    given_signature, given_name = changed[: len(SIGNATURE)], changed[len(SIGNATURE) :]
    assert SIGNER.verify(given_signature, given_name) is (changed == text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_at_all_verifies(signature: str, name: str) -> None:
    """Any text may be given, and none opens anything."""
    assert not SIGNER.verify(signature, name)
    assert not SIGNER.verify(signature, NAME)
    assert not SIGNER.verify(SIGNATURE, name)


def test_another_key_opens_nothing() -> None:
    """A link of a gateway with another key is not ours."""
    assert not LinkSigner(b"another key", "https://images.example.com").verify(SIGNATURE, NAME)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../1800000000-0123456789abcdefghijKL.png",
        "1800000000-0123456789abcdefghijKL.png/..",
        "1800000000-0123456789abcdefghijKL.png\n",
        "1800000000-0123456789abcdefghijKL.png\r\nx: y",
        "1800000000-0123456789abcdefghijKL.png#1",
        "1800000000-0123456789abcdefghijKL",
        "1800000000-0123456789abcdefghijKL.tar.gz",
        "1800000000-0123456789abcdefghij/L.png",
        "180000000\u0660-0123456789abcdefghijKL.png",
        "signing.key",
    ],
)
def test_nothing_but_a_name_is_a_name(name: str) -> None:
    """Paths, line ends, drafts and digits of other scripts are no names, even with a signature that fits."""
    signature = SIGNER._signature(name)  # what an attacker who had the key could make
    assert not is_name(name)
    assert not SIGNER.verify(signature, name)


def test_names_tell_when_they_end() -> None:
    """A new name is never the same twice, sorts by its end, and gives back what it was made of."""
    names = [new_name(expires_at, "webp") for expires_at in (1, 999_999_999, 1_800_000_000, 1_800_000_000)]
    assert all(is_name(name) for name in names)
    assert len(set(names)) == 4
    assert [expiry_of(name) for name in sorted(names)] == [1, 999_999_999, 1_800_000_000, 1_800_000_000]
    assert extension_of(names[0]) == "webp"


def test_a_key_is_made_once_and_only_for_us(tmp_path: Path) -> None:
    """The key is made with its folder on first use, is nobody else's to read, and stays the same."""
    folder = tmp_path / "data"
    key = load_signing_key(folder)
    assert load_signing_key(folder) == key
    assert len(key) == 43
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_the_file_can_be_given_to_another_replica(tmp_path: Path) -> None:
    """The text of the file, set as the signing key of another replica, signs the same links."""
    key = load_signing_key(tmp_path)
    text = (tmp_path / KEY_FILE).read_text().strip()
    assert LinkSigner(text.encode(), "").verify(LinkSigner(key, "").link(NAME).split("/")[-2], NAME)


def test_processes_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    """However the first uses fall together, everybody gets the key that is kept."""
    program = (
        "import sys; from pathlib import Path; from app.assets.links import load_signing_key; "
        "sys.stdin.readline(); print(load_signing_key(Path(sys.argv[1])).decode())"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "data")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate()[0].strip() for process in started}
    assert keys == {(tmp_path / "data" / KEY_FILE).read_text().strip()}
    assert [path.name for path in (tmp_path / "data").iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 43])
def test_a_damaged_key_is_told(tmp_path: Path, content: bytes) -> None:
    """A file that holds no key is not used and not replaced: links given out would end without anybody knowing why."""
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(SigningKeyError, match=KEY_FILE):
        load_signing_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error names the file and what the system said."""
    (tmp_path / "file").touch()
    with pytest.raises(SigningKeyError, match="File exists"):
        load_signing_key(tmp_path / "file")

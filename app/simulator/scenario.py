"""Say how the pretend CometAPI is to behave in one exchange."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError


class Content(StrEnum):
    """What an answer says. Pictures are drawn, and so billed, for all but EMPTY_*, ERROR_INSIDE_200 and REDIRECT.

    An ERROR_EVENT bills only the pictures completed before it.
    """

    PICTURES = "pictures"
    EMPTY_DATA = "empty_data"  # 200 with "data": [], what CometAPI answers when the prompt was filtered
    EMPTY_BODY = "empty_body"  # 200 and not a byte
    ERROR_INSIDE_200 = "error_inside_200"
    CUT_JSON = "cut_json"  # framed rightly, but the JSON, or the stream, stops at `fault_at`
    HTML = "html"  # Cloudflare's page, status 524 unless another is given: the origin goes on and bills
    REDIRECT = "redirect"
    ERROR_EVENT = "error_event"  # a stream turns into an error at `fault_event`; `code` says which
    NOT_COMPLETED = "not_completed"  # a stream that ends in good order before `fault_event`


class Fault(StrEnum):
    """How the delivery of an answer goes wrong on the wire; the pictures are drawn and billed all the same."""

    NONE = "none"
    HANG = "hang"  # never answers, not even when released; ends when the client leaves
    RESET_BEFORE_HEADERS = "reset_before_headers"
    RESET_MID_BODY = "reset_mid_body"
    CUT_BODY = "cut_body"  # closes cleanly, short of the content length or the last chunk
    STALL_MID_BODY = "stall_mid_body"  # falls silent at `fault_at` until released or left


class Usage(StrEnum):
    """How far ``usage`` can be believed."""

    TRUE = "true"
    MISSING = "missing"
    NEGATIVE = "negative"
    ABSURD = "absurd"


class Container(StrEnum):
    """How a picture is handed over."""

    B64_JSON = "b64_json"
    URL = "url"


class Spelling(StrEnum):
    """How base64 is written. Only the first is documented; a careless relay writes the others."""

    STANDARD = "standard"
    UNPADDED = "unpadded"  # without the "=" at its end
    WRAPPED = "wrapped"  # in lines of 76 letters
    DATA_URI = "data_uri"  # behind "data:image/png;base64,", and that in place of links, too


class Link(StrEnum):
    """How the link to a picture behaves when it is opened; the picture is drawn and billed all the same."""

    SOUND = "sound"
    UNNAMED = "unnamed"  # the picture, but as application/octet-stream, as object stores have it
    GONE = "gone"  # 404
    EMPTY = "empty"  # 200 without a byte
    HTML = "html"  # 200 with a web page, and saying so
    DISGUISED_HTML = "disguised_html"  # 200 with a web page that calls itself a picture
    MOVED = "moved"  # redirects to the picture, on the same host
    MOVED_AWAY = "moved_away"  # redirects to `link_elsewhere`
    CIRCULAR = "circular"  # redirects to itself, for ever
    STALLED = "stalled"  # falls silent half-way, until released or left
    DRIPPING = "dripping"  # goes on byte by byte: never silent, never done
    ENDLESS = "endless"  # 64 MiB of nothing behind the picture, their length not told
    PROMISES_MORE = "promises_more"  # a content length above what comes
    PROMISES_LESS = "promises_less"  # a content length below: the picture is cut off


class ScenarioError(ValueError):
    """A scenario names a field that does not exist, or gives it a value it cannot have."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One exchange's behaviour; the default is a correct answer at once."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    latency_seconds: Annotated[float, Field(ge=0)] = 0.0
    """From the receipt of the request to the first byte of the answer, drawing included."""
    withhold: bool = False
    """Hold the answer back, pictures drawn and counted, until it is released."""
    status: Annotated[int, Field(ge=200, le=599)] = 200
    """Any status but 200 is a refusal: nothing is drawn (but see ``Content.HTML``)."""
    code: str | None = None
    """The error's code; a code CometAPI is known for brings its own status and message (refusals.py)."""
    message: str | None = None
    retry_after_seconds: Annotated[float, Field(ge=0)] | None = None
    content: Content = Content.PICTURES
    fault: Fault = Fault.NONE
    fault_at: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where in the body, or of a stream in its ``fault_event``, a fault strikes, as a share of it."""
    fault_event: int = -1
    """The event of a stream that a fault strikes, counted from 0, or from the end as -1; the last completes a picture.

    Stalls of a stream between two events are a STALL_MID_BODY with a ``fault_at`` of 0.
    """
    usage: Usage = Usage.TRUE
    usage_first: bool = False
    """Put ``usage`` before ``data``, as in CometAPI's sample, rather than after it, as OpenAI does."""
    output_details: bool = True
    """Whether ``usage`` has ``output_tokens_details``, which is often absent."""
    empty_strings: bool = False
    """Add the ``"url": ""`` and ``"revised_prompt": ""`` that new-api writes for values it does not have."""
    container: Container | None = None
    """Overrules what the model and the request would choose."""
    other_container: bool = False
    """Hand pictures over in the one container that was not chosen: links for base64, base64 for links."""
    spelling: Spelling = Spelling.STANDARD
    blank_entries: Annotated[int, Field(ge=0, le=100)] = 0
    """Entries of ``data`` with nothing in them (but see ``empty_strings``) before the pictures, even if none come."""
    link: Link = Link.SOUND
    link_origin: str | None = None
    """What links begin with in place of the simulator's own ``http://host:port``; another host is not served here."""
    link_elsewhere: str = "http://169.254.169.254/latest/meta-data/"
    """Where ``Link.MOVED_AWAY`` leads: where a cloud machine finds its own credentials, and no fetcher may go."""
    escaped_slashes: bool = False
    r"""Write ``/`` as ``\/`` in answers and events, base64 included, as relays in PHP do."""
    max_pictures: Annotated[int, Field(gt=0)] | None = None
    """Draw, bill and deliver no more than so many, whatever ``n`` says, as some models do without a word."""
    padding_bytes: Annotated[int, Field(ge=0, le=64 * 1024 * 1024)] = 0
    """Noise in each picture that no decoder minds, for answers of realistic or monstrous size.

    A PNG has it in a chunk of its own and stays valid to the last byte; the other formats have it at their end.
    """
    chunked: bool = False
    gzip: bool = False
    """Compress although nobody asked."""
    content_length_error: int = 0
    """Added to the declared length: above zero promises more than comes, below zero less."""
    piece_bytes: Annotated[int, Field(gt=0)] = 256 * 1024
    """The body is written, and chunked, in pieces of this size."""
    piece_pause_seconds: Annotated[float, Field(ge=0)] = 0.0
    """A pause after each piece: a body that drips."""
    ignores_stream: bool = False
    """Answer with JSON although a stream was asked for."""
    event_pause_seconds: Annotated[float, Field(ge=0)] = 0.0
    """A pause before each event of a stream, the headers already sent."""
    event_names: bool = True
    """Whether a stream's events have their ``event:`` line, as OpenAI's do."""
    done_line: bool = False
    """End a stream with ``data: [DONE]``, as CometAPI ends those of its chat models."""
    interleaved: bool = False
    """Mix the previews of the pictures of one stream: the first of each, then the second of each, and so on."""
    comments: bool = False
    """Put an SSE comment before each event of a stream."""
    crlf: bool = False
    """End the lines of a stream with CR LF, which SSE allows and OpenAI does not use."""
    close_after_answer: bool = False
    """Close the connection behind the answer without having said so: a pooled connection gone stale."""
    stale_after_answer: bool = False
    """Keep the connection open but reset it, unread, when the next request comes: the keep-alive race."""

    @property
    def refuses(self) -> bool:
        """Whether the exchange ends in an error answer rather than in pictures."""
        return self.content is not Content.ERROR_EVENT and (self.status != 200 or self.code is not None)

    def struck_event(self, events: int) -> int:
        """The index of ``fault_event`` among so many events, the nearest there is."""
        index = self.fault_event if self.fault_event >= 0 else events + self.fault_event
        return max(min(index, events - 1), 0)


_SCENARIO = TypeAdapter(Scenario)


def read_scenario(fields: Mapping[str, object], over: Scenario | None = None) -> Scenario:
    """Make a scenario of named values (text is converted), laid over another.

    Raises:
        ScenarioError: a field is unknown or its value does not fit.

    """
    ground: dict[str, Any] = asdict(over) if over else {}
    try:
        return _SCENARIO.validate_python({**ground, **fields})
    except ValidationError as error:
        first = error.errors()[0]
        raise ScenarioError(f"scenario field {'.'.join(map(str, first['loc']))}: {first['msg']}") from None

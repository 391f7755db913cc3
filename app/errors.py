"""Every refusal imagegate can give: one class each, with the status, type and code the OpenAI SDKs expect.

The tree::

    GatewayError
    ├── InvalidRequest            400  the caller's body or parameter
    │   ├── BodyTooLarge          413
    │   └── BodyTooSlow           408
    ├── Unauthenticated           401
    ├── Forbidden                 403  model not allowed, key or team blocked
    ├── NotFound                  404  no such route
    │   ├── ModelNotFound         404
    │   ├── LinkExpired           410  a link of ours whose time is over
    │   ├── ResultExpired         410  the answer of a request is not kept any more
    │   └── MethodNotAllowed      405
    ├── ClientGone                499  nobody is left to answer
    ├── Conflict                  409  the name is taken, something is being changed, or the total budget is too small
    ├── LimitExceeded             429  mostly heals with time
    │   └── InsufficientQuota     429  money; does not heal by retrying
    ├── Overloaded                503  too much in flight here
    ├── ImageStoreUnavailable     503  hosted pictures cannot be kept or read
    ├── StoreUnavailable          503  Redis is away: we guard money, so we refuse
    ├── UpstreamUnavailable       503  ours to fix: bad upstream key, empty balance, no connection
    ├── UpstreamFailed            502  the upstream said that it failed
    │   └── UpstreamUnknown       502  it may have made the picture: charged at the quote, never bought again
    │       └── UpstreamTimeout   504  the same, by silence
    └── InternalError             500

A message is public: it may name parameters, limits and what to do next, never a secret, an upstream's own words about
itself, or a prompt. What only an operator may see goes into ``detail``, which is logged and never rendered.
"""

from http.client import responses
from typing import Any


class GatewayError(Exception):
    """A request ends here, and the caller is told why. Class values are what an instance has unless told otherwise."""

    status: int = 500
    type: str = "server_error"
    code: str = "internal_error"
    should_retry: bool | None = None
    """``x-should-retry`` for the OpenAI SDKs (facts §3); None leaves it to their own rule by status."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_seconds: float | None = None,
        should_retry: bool | None = None,
        detail: str = "",
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or type(self).code
        self.should_retry = type(self).should_retry if should_retry is None else should_retry
        self.retry_after_seconds = retry_after_seconds
        self.detail = detail
        self.extra = extra or {}
        self.headers: list[tuple[bytes, bytes]] = []
        """Further headers of the answer, such as the rate limits."""

    def envelope(self) -> dict[str, Any]:
        """The body in OpenAI's form (facts §1.5): message, type, param and code under ``error``."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error | self.extra}

    def problem(self) -> dict[str, Any]:
        """The body in the form of RFC 9457; ``code`` says what ``type`` would, so that is ``about:blank`` (§4.2.1)."""
        # 499 is nginx's, not HTTP's, and so has no phrase.
        title = responses.get(self.status, "Client Closed Request")
        told = {"type": "about:blank", "title": title, "status": self.status}
        return told | {"detail": self.message, "code": self.code, "param": self.param} | self.extra


class InvalidRequest(GatewayError):
    """The body or one of its parameters breaks a rule; ``param`` names it."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_value"


class BodyTooLarge(InvalidRequest):
    """The body is larger than this gateway reads."""

    status = 413
    code = "request_too_large"


class BodyTooSlow(InvalidRequest):
    """The body stopped arriving, or arrived too slowly."""

    status = 408
    code = "request_timeout"
    should_retry = False


class Unauthenticated(GatewayError):
    """No virtual key, or one that is unknown, revoked or expired."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class Forbidden(GatewayError):
    """The key is good but may not do this."""

    status = 403
    type = "invalid_request_error"
    code = "permission_denied"


class NotFound(GatewayError):
    """No such route or record."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class ModelNotFound(NotFound):
    """The catalog has no such model."""

    code = "model_not_found"


class LinkExpired(NotFound):
    """The link was one of ours, and its time is over: 410, because it will never open again (RFC 9110 §15.5.11)."""

    status = 410
    code = "link_expired"


class ResultExpired(NotFound):
    """The request was delivered, and its answer is not kept any more; asking again neither buys nor gets anything."""

    status = 410
    code = "result_expired"
    should_retry = False


class ClientGone(GatewayError):
    """The caller hung up before anything was bought; the status (nginx's) stands in logs and metrics only."""

    status = 499
    type = "invalid_request_error"
    code = "client_gone"


class MethodNotAllowed(NotFound):
    """The route exists, for other methods."""

    status = 405
    code = "method_not_allowed"


class Conflict(GatewayError):
    """The name is taken, the total budget does not cover it, or what it is about is changing at this moment.

    Seldom at the public door: a virtual key or its team is being changed again and again while it is used.
    """

    status = 409
    type = "invalid_request_error"
    code = "conflict"


class LimitExceeded(GatewayError):
    """A count per time or a number at once is used up; waiting heals it, unless one request exceeds the limit."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class InsufficientQuota(LimitExceeded):
    """The budget cannot hold this request's quote; waiting a moment does not help, so retries are told to stop."""

    type = "insufficient_quota"
    code = "insufficient_quota"
    should_retry = False


class Overloaded(GatewayError):
    """As much is in flight in this process as it may carry."""

    status = 503
    code = "overloaded"


class ImageStoreUnavailable(GatewayError):
    """A store of pictures, answers or archived entries does not do what it was asked.

    What it said is in ``detail``, for the operator.
    """

    status = 503
    code = "image_store_unavailable"


class StoreUnavailable(GatewayError):
    """Redis does not answer; nothing is admitted without it, because every picture costs money."""

    status = 503
    code = "store_unavailable"
    may_have_happened: bool = True
    """Whether the command that failed can have taken effect all the same (a lost reply)."""


class UpstreamUnavailable(GatewayError):
    """The upstream cannot be used now for a reason that is ours, not the caller's; nothing was bought."""

    status = 503
    code = "upstream_unavailable"


class UpstreamFailed(GatewayError):
    """The upstream took the request and answered that it failed; nothing was charged."""

    status = 502
    code = "upstream_failed"


class UpstreamUnknown(UpstreamFailed):
    """No answer, or a foreign one: the picture may have been made and billed, so retries are told to stop."""

    code = "upstream_outcome_unknown"
    should_retry = False


class UpstreamTimeout(UpstreamUnknown):
    """The upstream stayed silent too long."""

    status = 504
    code = "upstream_timeout"


def earlier_failure(status: int, envelope: dict[str, Any]) -> GatewayError:
    """What an earlier request was told, to be told again: to no avail is it tried once more."""
    told = dict(envelope["error"])
    error = GatewayError(told.pop("message"), param=told.pop("param"), code=told.pop("code"), should_retry=False)
    error.status, error.type, error.extra = status, told.pop("type"), told
    return error


class InternalError(GatewayError):
    """A fault of ours."""

    status = 500
    code = "internal_error"


def forget_way(error: BaseException) -> None:
    """Let an error that was told go of the frames it came through, and of what they hold: a body of 28 MB, say.

    They refer to it, too, so that without this only the collector of cycles would free any of it, and that comes late.
    """
    error.__traceback__ = error.__cause__ = error.__context__ = None

"""Whether the upstream's words repeat the prompt: then they are not told, and an error that is kept has none of it.

Its words pass to a caller where they are known to speak of the request (`app.upstream.dialect`), and the error of a
request lies in Redis for its retries; but a value that they quote can be the prompt itself.
"""

from typing import Final

from app.upstream.failure import ExchangeFailed

_WINDOW_CHARS: Final = 16
"""So many characters in a row are no chance: words that have them of the prompt repeat it, even where they cut it."""
_INSTEAD: Final = "The image service refused this request; its own words are left out, because they repeat the prompt."


def leave_out_prompt(failure: ExchangeFailed, prompt: str) -> None:
    """Put words of ours where the upstream's own, told to the caller, repeat the prompt."""
    error = failure.error
    is_its_own = failure.words.startswith(error.message[:_WINDOW_CHARS])
    if is_its_own and _repeats(error.message, prompt):
        error.message = _INSTEAD


def _repeats(message: str, prompt: str) -> bool:
    """Whether a message has a piece of the prompt, or the whole of a short one as a quoted value."""
    if len(prompt) < _WINDOW_CHARS:
        return any(f"{mark}{prompt}{mark}" in message for mark in "'\"`")
    return any(message[at : at + _WINDOW_CHARS] in prompt for at in range(len(message) - _WINDOW_CHARS + 1))

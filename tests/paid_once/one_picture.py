"""Ask for one picture with whatever ``openai`` this environment has, as a user's program does; tell of each try.

The plan comes in as JSON; lines of JSON go out: ``{"try": 0}`` before each try, and how it ended. Runs where nothing
but one version of the SDK is installed, so it imports nothing of imagegate.
"""

import json
import sys
from typing import Any

import openai


def tell(**said: Any) -> None:
    """One line for whoever started this."""
    print(json.dumps(said), flush=True)


def main() -> None:
    """Ask once, with the SDK's own retries."""
    plan = json.loads(sys.argv[1])

    def trying(request: Any) -> None:
        tell(**{"try": int(request.headers["x-stainless-retry-count"])})

    client = openai.OpenAI(
        base_url=plan["base_url"],
        api_key=plan["key"],
        timeout=plan["timeout_seconds"],
        http_client=openai.DefaultHttpxClient(event_hooks={"request": [trying]}),
    )
    try:
        made = client.images.generate(**plan["order"], extra_headers=plan["headers"])
    except openai.APIStatusError as error:
        tell(error=type(error).__name__, status=error.status_code, code=error.code)
    except openai.APIConnectionError as error:
        tell(error=type(error).__name__, status=0, code=None)
    else:
        tell(picture=made.data[0].b64_json if made.data else None)


if __name__ == "__main__":
    main()

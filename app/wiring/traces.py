"""Opens what keeps traces, where the settings ask for that."""

from contextlib import AsyncExitStack

from app.settings.fields import Settings
from app.settings.names import SettingsError
from app.traces.tracer import NoTracer, Tracer
from app.wiring.version import VERSION


def open_tracer(settings: Settings, stack: AsyncExitStack) -> Tracer:
    """The tracer, closed with the stack.

    Raises:
        SettingsError: traces are wanted and cannot be sent.

    """
    if not settings.traces:
        return NoTracer()
    expect_traces(settings)
    from app.traces.otlp import OtlpTracer  # noqa: PLC0415 - an extra that most do without

    try:
        tracer = OtlpTracer(VERSION)
    except ValueError as error:
        raise SettingsError(f"The OTEL_… variables cannot be used: {error}") from None
    stack.push_async_callback(tracer.aclose)
    return tracer


def expect_traces(settings: Settings) -> None:
    """See to it that traces can be sent if they are wanted.

    Raises:
        SettingsError: they are, and the packages are missing.

    """
    if not settings.traces:
        return
    try:
        import app.traces.otlp  # noqa: F401, PLC0415 - only to see that it is there
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"IMAGEGATE_TRACES is set, but the package {error.name} is missing; install `imagegate[traces]`, "
            "or set IMAGEGATE_TRACES=false."
        ) from None

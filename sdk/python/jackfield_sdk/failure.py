"""What went wrong, said as what to do about it. Each function gives something to raise."""

from componentize_py_types import Err
from wit_world.imports import types


def _problem(message: str, code: str | None) -> types.Problem:
    return types.Problem(message, code)


def retry(message: str, code: str | None = None, after_ms: int | None = None) -> Err:
    """The same again later; certainly nothing was sent."""
    return Err(types.Failure_Retry((after_ms, _problem(message, code))))


def rate_limited(message: str, code: str | None = None, after_ms: int | None = None) -> Err:
    """Too much at once; `after_ms` if the channel said how long to wait."""
    return Err(types.Failure_RateLimited((after_ms, _problem(message, code))))


def rejected(message: str, code: str | None = None) -> Err:
    """The same request would fail for ever."""
    return Err(types.Failure_Rejected(_problem(message, code)))


def recipient_gone(message: str, code: str | None = None) -> Err:
    """The person cannot be reached on this address any more."""
    return Err(types.Failure_RecipientGone(_problem(message, code)))


def window_closed(message: str, code: str | None = None) -> Err:
    """Only a template may be sent now."""
    return Err(types.Failure_WindowClosed(_problem(message, code)))


def credentials(message: str, code: str | None = None) -> Err:
    """The channel's credentials do not work."""
    return Err(types.Failure_Credentials(_problem(message, code)))


def unsupported(message: str, code: str | None = None) -> Err:
    """The connector or the channel cannot do that."""
    return Err(types.Failure_Unsupported(_problem(message, code)))


def uncertain(message: str, code: str | None = None) -> Err:
    """It may have happened, and nobody can tell."""
    return Err(types.Failure_Uncertain(_problem(message, code)))


def unauthenticated(message: str, code: str | None = None) -> Err:
    """The request did not prove that it comes from the provider."""
    return Err(types.Failure_Unauthenticated(_problem(message, code)))


def misconfigured(message: str, code: str | None = None) -> Err:
    """The channel's configuration is wrong."""
    return Err(types.Failure_Misconfigured(_problem(message, code)))


def problem(error: Err) -> types.Problem:
    """What a failure says, whatever it is."""
    value = error.value.value
    return value[1] if isinstance(value, tuple) else value

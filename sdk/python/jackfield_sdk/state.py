"""A small store for each channel. Writes commit with the call's events, and vanish when the call fails.

Every function raises `rejected` when the host's bounds are met.
"""

from componentize_py_types import Err
from wit_world.imports import state

from . import failure


def get(key: str) -> bytes | None:
    """The value of a key, if it was ever set."""
    return _ask(lambda: state.get(key))


def put(key: str, value: bytes) -> None:
    """Sets a key."""
    _ask(lambda: state.set(key, value))


def delete(key: str) -> None:
    """Removes a key, if it is there."""
    _ask(lambda: state.delete(key))


def list_keys(prefix: str) -> list[str]:
    """Keys that begin with `prefix`, in order, at most 1,000."""
    return _ask(lambda: state.list_keys(prefix))


def _ask(call):
    try:
        return call()
    except Err as refusal:
        raise failure.rejected(f"The connector's state failed: {refusal.value.value}.") from None

"""Short ways to make the words of the contract."""

from __future__ import annotations

import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

from . import failure, json

# Each is there if the connector has the class of this name.
receive, poll = (getattr(exports, name, None) for name in ("receive", "poll"))


def header(request: receive.Request, name: str) -> str:
    """The first header of this name (lower case), as text; empty if there is none."""
    found = (item.value for item in request.headers if item.name == name)
    return next(found, b"").decode("utf-8", "replace")


def body_json(request: receive.Request) -> dict:
    """The body as a JSON object. Raises `rejected` for what is none, such as garbage with a genuine signature."""
    try:
        value = json.loads(request.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise failure.rejected("The body is not a JSON object.")
    return value


def reply(status: int, body: str = "") -> receive.Reply:
    """A reply of plain text."""
    headers = [types.Header("content-type", b"text/plain; charset=utf-8")] if body else []
    return receive.Reply(status, headers, body.encode())


def outcome(answer: receive.Reply | None = None) -> receive.Outcome:
    """What `receive` answers, in the making: 200 and no events yet."""
    return receive.Outcome(answer or reply(200), [], [])


def batch(cursor: bytes | None = None) -> poll.Batch:
    """What `poll` answers, in the making: nothing new yet. The next question begins at `cursor`, or where this one began."""
    return poll.Batch([], [], cursor, False, None)


def each(into: receive.Outcome | poll.Batch, items, read) -> None:
    """Reads each item by itself. One that `read` cannot read (ValueError, KeyError, TypeError) is kept with the reason, and its siblings go
    on. `read` gives a list of events."""
    for item in items if isinstance(items, list) else []:
        try:
            into.events.extend(read(item))
        except (ValueError, KeyError, TypeError, AttributeError) as why:
            reason = f"{why.args[0]} is missing" if isinstance(why, KeyError) else str(why)
            # `receive` and `poll` have a word for it each.
            unreadable = sys.modules[type(into).__module__].Unreadable
            into.unreadable.append(unreadable(json.dumps(item).encode(), reason))


def need(item: dict, name: str) -> str:
    """The text or number at a member, as text; ValueError that names the member if there is none."""
    value = item.get(name)
    if isinstance(value, str) and value or isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"`{name}` is missing or is neither text nor number")


def text(item: dict, name: str) -> str | None:
    """As `need`, but None if there is none."""
    try:
        return need(item, name)
    except ValueError:
        return None


def count(item: dict, name: str) -> int | None:
    """The whole number at a member, from 0 to what 64 bits hold; None if there is none."""
    value = item.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64 else None


def utf16_units(text: str) -> int:
    """The length of a text as LINE, Telegram and others count it."""
    return sum(2 if sign > "\uffff" else 1 for sign in text)


def event(body: types.EventBody, id: str = "") -> types.Event:
    """An event with the channel's id of it."""
    return types.Event(id, body)


def prop(name: str, value) -> types.Property:
    """Any value as a property."""
    return types.Property(name, json.dumps(value))


def other(name: str, value, id: str = "") -> types.Event:
    """Something genuine that has no form of its own."""
    return event(types.EventBody_Other(prop(name, value)), id)


def media(
    id: str | None = None,
    url: str | None = None,
    mime: str | None = None,
    filename: str | None = None,
    size: int | None = None,
    caption: str | None = None,
) -> types.Media:
    """An attachment, by reference: at least `id` or `url`."""
    return types.Media(id, url, mime, filename, size, None, caption)


def sender(identity: types.Identifier, hints=()) -> types.Sender:
    """A person of whom the address is known."""
    return types.Sender(identity, list(hints))


def attested(about: types.Subject, evidence: str) -> types.Hint:
    """Something that the provider vouches for."""
    return types.Hint(about, types.Trust_Attested(), evidence)


def claimed(about: types.Subject, evidence: str) -> types.Hint:
    """Something that somebody said."""
    return types.Hint(about, types.Trust_Claimed(), evidence)


def in_order(items: list, send) -> list[str]:
    """Sends `items` in order with one call of `send` each, which gets whether it is the first and gives the channel's id. Once something
    has been sent, no later failure may make the host send all of it again: it becomes `uncertain` and says what went out.
    """
    if not items:
        raise failure.rejected("There is nothing to send.")
    sent: list[str] = []
    for item in items:
        try:
            sent.append(send(item, not sent))
        except Exception as error:
            if not sent:
                raise
            why = failure.problem(error) if isinstance(error, Err) else types.Problem(repr(error), None)
            said = (
                f"{len(sent)} of {len(items)} parts were sent ({', '.join(sent)}); the next one failed: {why.message}"
            )
            raise failure.uncertain(said, why.code) from None
    return sent

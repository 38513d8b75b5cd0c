"""Who an event is from, and where."""

from jackfield_sdk import types, words

from . import config


def person(user_id: str) -> types.Identifier:
    """A person as the account's provider knows them."""
    return types.Identifier("line", config.namespace(), user_id)


def sender(event: dict) -> types.Sender | None:
    """None in a group or room where somebody never agreed that the account may know them."""
    user = words.text(event.get("source") or {}, "userId")
    return words.sender(person(user)) if user else None


def thread(event: dict) -> types.Thread:
    """A chat with one person, a group, or a room, which is a group without a name."""
    source = event.get("source") or {}
    for name in ("groupId", "roomId"):
        if found := words.text(source, name):
            return types.Thread(found, types.ThreadKind_Group())
    return types.Thread(words.need(source, "userId"), types.ThreadKind_Direct())


def moment(event: dict) -> int | None:
    """Milliseconds, by LINE's clock."""
    return words.count(event, "timestamp") or None

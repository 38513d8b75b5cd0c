"""One webhook: any number of events, none of them when LINE only tries whether it arrives."""

from jackfield_sdk import log, types, words

from . import content, source


def read(request):
    """Reads a request that is known to be genuine. Raises `rejected` if its body is nothing that LINE sends."""
    whole = words.body_json(request)
    outcome = words.outcome()
    words.each(outcome, whole.get("events"), _events)
    return outcome


def _events(item: dict) -> list[types.Event]:
    """A redelivered event carries the id that it had."""
    kind, id = words.need(item, "type"), words.need(item, "webhookEventId")
    read = _READ.get(kind)
    body = read(item) if read else None
    if kind in ("botSuspended", "deactivated"):
        log.error(f"LINE says {kind}: nothing arrives at this account any more.")
    return [words.event(body, id) if body else words.other(kind, _kept(item), id)]


def _kept(item: dict) -> dict:
    """A reply token is spent by whoever has it; nobody needs it."""
    return {name: value for name, value in item.items() if name != "replyToken"}


def _message(item: dict):
    sender = source.sender(item)
    if sender is None:
        return None
    message = item["message"]
    return types.EventBody_Message(
        types.Message(
            words.need(message, "id"),
            source.thread(item),
            types.Author_Customer(sender),
            source.moment(item),
            [content.part(message)],
            words.text(message, "quotedMessageId"),
            [words.prop(name, message[name]) for name in ("mention", "emojis", "imageSet") if name in message],
        )
    )


def _edited(item: dict):
    """Not in LINE's specification, but in its own clients."""
    message = item.get("message") or {}
    if not words.text(message, "id") or message.get("type") != "text":
        return None
    return types.EventBody_Edit(types.Edit(words.need(message, "id"), source.moment(item), [content.part(message)]))


def _unsent(item: dict):
    return types.EventBody_Deletion(types.Deletion(words.need(item["unsend"], "messageId"), source.moment(item)))


def _postback(item: dict):
    """What a button carries; what it said is not told. Words that it puts into the chat come as a message of their own."""
    sender, postback = source.sender(item), item["postback"]
    if sender is None:
        return None
    data = words.need(postback, "data")
    interaction = types.Part_Interaction(types.Interaction(data, data))
    extra = [words.prop("params", postback["params"])] if "params" in postback else []
    id = f"postback:{words.need(item, 'webhookEventId')}"
    author = types.Author_Customer(sender)
    return types.EventBody_Message(
        types.Message(id, source.thread(item), author, source.moment(item), [interaction], None, extra)
    )


def _touchpoint(kind: str, summary: str):
    def read(item: dict):
        sender = source.sender(item)
        if sender is None:
            return None
        about = [words.prop(name, item[name]) for name in ("follow", "beacon") if name in item]
        return types.EventBody_Touchpoint(types.Touchpoint(sender, kind, source.moment(item), summary, about))

    return read


_READ = {
    "message": _message,
    "messageEdited": _edited,
    "unsend": _unsent,
    "postback": _postback,
    "follow": _touchpoint("subscribed", "Added the account as a friend, or unblocked it."),
    "unfollow": _touchpoint("blocked", "Blocked the account."),
    "beacon": _touchpoint("visit", "Came near a beacon."),
}

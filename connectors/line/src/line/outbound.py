"""Doing what an agent wants done, as calls of the Messaging API."""

# Imported here, because a component can import nothing later.
import hashlib

from jackfield_sdk import failure, json, types, words
from wit_world.exports import send

from . import api

# UTF-16 units, as LINE counts.
_TEXT_LIMIT = 5000
# Messages of one push.
_AT_ONCE = 5


def deliver(delivery: send.Delivery, key: str) -> send.Receipt:
    """Does one thing."""
    if delivery.to.kind != "line":
        raise failure.rejected(f"LINE cannot write to an address of kind `{delivery.to.kind}`.")
    to = delivery.thread or delivery.to.value
    match delivery.action:
        case send.Action_Message(value=content):
            return send.Receipt(_push(to, content.parts, key), [])
        case send.Action_Typing():
            return _typing(to)
        case send.Action_Template():
            raise failure.unsupported("LINE has no templates.")
        case send.Action_Edit():
            raise failure.unsupported("On LINE nothing that was sent can be changed.")
        case send.Action_Delete():
            raise failure.unsupported("An account on LINE cannot take back what it sent.")
        case send.Action_Reaction():
            raise failure.unsupported("Accounts on LINE cannot react.")
        case send.Action_MarkRead():
            raise failure.unsupported("LINE wants a token of the message for a read mark, which is not kept.")
        case send.Action_Call():
            raise failure.unsupported("This connector makes no calls.")
        case other:
            raise failure.unsupported(f"LINE has no action `{other.value.name}`.")


def _push(to: str, parts: list[types.Part], key: str) -> list[str]:
    """Pushes of five messages each. Every push has a retry key of its own, so that after a failure all of it can be tried again."""
    messages = [message for part in parts for message in _messages(part)]
    if not messages:
        raise failure.rejected("There is nothing to send.")
    ids = []
    for at in range(0, len(messages), _AT_ONCE):
        body = {"to": to, "messages": messages[at : at + _AT_ONCE]}
        sent = api.post("/v2/bot/message/push", body, retry_key(f"{key}/{at}")).get("sentMessages")
        ids += [str(message["id"]) for message in sent or [] if isinstance(message, dict) and "id" in message]
    if not ids:
        raise failure.uncertain("LINE accepted the message but gave no number of it.")
    return ids


def retry_key(key: str) -> str:
    """A UUID, which LINE insists on, that is the same for the same key."""
    digits = hashlib.sha256(key.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def _typing(to: str) -> send.Receipt:
    if not to.startswith("U"):
        raise failure.unsupported("On LINE only a person can be shown that somebody is typing.")
    api.post("/v2/bot/chat/loading/start", {"chatId": to, "loadingSeconds": 20})
    return send.Receipt([], [])


def _messages(part: types.Part) -> list[dict]:
    match part:
        case types.Part_Text(value=words_):
            return [_text(words_)]
        case types.Part_Image(value=media):
            return [_picture(media), *_caption(media)]
        case types.Part_Audio(value=media) | types.Part_Video(value=media) | types.Part_File(value=media):
            # LINE wants the length of a sound, a picture of a film, and takes no files at all.
            return [_text("\n".join(filter(None, [media.caption, media.filename, _url(media)])))]
        case types.Part_Sticker(value=media):
            package, found, sticker = (media.id or "").partition("/")
            if not found:
                raise failure.rejected("A sticker of LINE has the id PACKAGE/STICKER.")
            return [{"type": "sticker", "packageId": package, "stickerId": sticker}]
        case types.Part_Location(value=place):
            point = f"{place.latitude}, {place.longitude}"
            title, address = (place.name or "Location")[:100], (place.address or point)[:100]
            where = {"latitude": place.latitude, "longitude": place.longitude}
            return [{"type": "location", "title": title, "address": address, **where}]
        case types.Part_Other(value=property):
            return [_as_it_is(property)]
        case _:
            raise failure.unsupported(
                f"LINE has no content of the kind {type(part).__name__.removeprefix('Part_').lower()}."
            )


def _text(text: str) -> dict:
    units = words.utf16_units(text)
    if units > _TEXT_LIMIT:
        raise failure.rejected(f"The text has {units} UTF-16 units; LINE takes {_TEXT_LIMIT}.")
    return {"type": "text", "text": text}


def _caption(media: types.Media) -> list[dict]:
    return [_text(media.caption)] if media.caption else []


def _picture(media: types.Media) -> dict:
    url = _url(media)
    return {"type": "image", "originalContentUrl": url, "previewImageUrl": url}


def _url(media: types.Media) -> str:
    if not media.url or not media.url.startswith("https://"):
        raise failure.rejected("LINE takes a file by its URL, which has to begin with https://.")
    return media.url


def _as_it_is(property: types.Property) -> dict:
    """Any other type of message, by its name."""
    try:
        value = json.loads(property.value)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise failure.rejected(f"The value of `{property.name}` is not a JSON object.")
    return {**value, "type": property.name}

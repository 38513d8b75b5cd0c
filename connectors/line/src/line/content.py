"""The content of a message."""

from jackfield_sdk import types, words

_MEDIA = {"image": types.Part_Image, "video": types.Part_Video, "audio": types.Part_Audio, "file": types.Part_File}


def part(message: dict) -> types.Part:
    """What has no form is kept as `other`."""
    kind = words.need(message, "type")
    if kind == "text":
        return types.Part_Text(words.need(message, "text"))
    if kind in _MEDIA:
        return _MEDIA[kind](_media(message))
    if kind == "sticker":
        return types.Part_Sticker(_sticker(message))
    if kind == "location":
        return types.Part_Location(_location(message))
    return types.Part_Other(words.prop(kind, message))


def _media(message: dict) -> types.Media:
    """By the message's id, for as long as LINE keeps the file. What somebody else provides has a URL of its own."""
    provider = message.get("contentProvider") or {}
    return words.media(
        id=words.need(message, "id"),
        url=words.text(provider, "originalContentUrl"),
        filename=words.text(message, "fileName"),
        size=words.count(message, "fileSize"),
    )


def _sticker(message: dict) -> types.Media:
    """What is written on it, or what it stands for, is its caption."""
    keywords = message.get("keywords")
    said = words.text(message, "text") or (", ".join(map(str, keywords[:3])) if isinstance(keywords, list) else None)
    package, sticker = words.need(message, "packageId"), words.need(message, "stickerId")
    return words.media(id=f"{package}/{sticker}", caption=said or None)


def _location(message: dict) -> types.Location:
    latitude, longitude = float(message["latitude"]), float(message["longitude"])
    return types.Location(latitude, longitude, words.text(message, "title"), words.text(message, "address"))

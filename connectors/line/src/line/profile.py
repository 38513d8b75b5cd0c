"""What LINE tells about a person who is the account's friend."""

from componentize_py_types import Err
from jackfield_sdk import types, words

from . import api


def hints(who: types.Identifier) -> list[types.Hint]:
    """All of it can be changed at will. Empty for people who are no friends of the account."""
    if who.kind != "line" or not who.value.startswith("U"):
        return []
    try:
        profile = api.get(f"/v2/bot/profile/{who.value}")
    except Err as error:
        if isinstance(error.value, types.Failure_Rejected):
            return []
        raise
    told = [
        ("displayName", types.Subject_Name, "name on LINE"),
        ("pictureUrl", types.Subject_Avatar, "picture on LINE"),
        ("language", types.Subject_Language, "language of the LINE app"),
    ]
    found = [words.claimed(about(text), why) for name, about, why in told if (text := words.text(profile, name))]
    if status := words.text(profile, "statusMessage"):
        found.append(words.claimed(types.Subject_Other(words.prop("status", status)), "status message on LINE"))
    return found

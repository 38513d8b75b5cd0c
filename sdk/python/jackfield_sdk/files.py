"""Short ways to make the words of `media`, for connectors with a class `Media`; `types.Media` is an attachment.

A file's bytes go around the connector: it says which request brings or takes them, and the host makes it, with the credentials.
"""

from wit_world.exports import media
from wit_world.imports import types

from . import failure


class Fetches:
    """The base of a class `Media` of a channel that takes no files, or not like this."""

    #: What is answered then.
    refusal = "This channel takes no files."

    def upload(self, file: media.Outgoing, idempotency_key: str) -> media.Progress:
        raise failure.unsupported(self.refusal)

    def resume(self, file: media.Outgoing, answer: media.Answer) -> media.Progress:
        raise failure.unsupported(self.refusal)


def request(method: str, url: str) -> media.Request:
    """A request that the host makes for the connector."""
    return media.Request(method, url, [])


def download(
    url: str, mime: str | None = None, filename: str | None = None, size: int | None = None, sha256: str | None = None
) -> media.File:
    """The file is what a `GET` of this URL brings. A file of another size or sum is refused."""
    return media.File(media.Source_Download(request("GET", url)), mime, filename, size, sha256, [])


def whole(request: media.Request, context: bytes = b"") -> media.Progress:
    """The whole file, as the body of this request. `context` comes back with the answer."""
    return media.Progress_Transfer(media.Transfer(request, media.Body_File(), None, context))


def form(request: media.Request, fields: list[media.Field], context: bytes = b"") -> media.Progress:
    """The whole file, in a form. One of the fields is `file_field`."""
    return media.Progress_Transfer(media.Transfer(request, media.Body_Multipart(fields), None, context))


def field(name: str, text: str) -> media.Field:
    """A field of text."""
    return media.Field(name, media.FieldValue_Text(text))


def file_field(name: str) -> media.Field:
    """The field that is the file."""
    return media.Field(name, media.FieldValue_File())


def done(file: media.Outgoing, id: str) -> media.Progress:
    """The provider has the file, under this id."""
    return media.Progress_Done(types.Media(id, None, file.mime, file.filename, file.size, file.sha256, None))

"""Files that people send."""

from jackfield_sdk import failure, files, http, types
from wit_world.exports import media

from . import api, config

# Milliseconds until LINE is asked again for a file that it still prepares.
_PREPARING_MS = 5_000


def fetch(attachment: types.Media) -> media.File:
    """The content of a message, as long as LINE keeps it. Sounds and films have to be prepared first: until then LINE gives out less."""
    if attachment.url:
        raise failure.unsupported(f"Whoever sent this file keeps it at {http.origin(attachment.url)}, and not LINE.")
    id = attachment.id or ""
    if "/" in id:
        raise failure.unsupported("LINE gives out no pictures of stickers.")
    if not (id.isascii() and id.isdigit()):
        raise failure.rejected("The attachment has no id on LINE.")
    match api.preparation(id):
        case "processing":
            raise failure.retry("LINE is still preparing the file.", after_ms=_PREPARING_MS)
        case "failed":
            raise failure.rejected("LINE could not prepare the file.")
    return files.download(config.content_url(id), filename=attachment.filename, size=attachment.size)

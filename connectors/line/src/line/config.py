"""The channel's configuration, as the manifest's schema describes it."""

from jackfield_sdk import config, http


def url(path: str) -> str:
    """The URL of a path of the Messaging API."""
    return config().get("api_base", "https://api.line.me").rstrip("/") + path


def content_url(message: str) -> str:
    """The URL of what a message holds."""
    base = config().get("media_base", "https://api-data.line.me").rstrip("/")
    return f"{base}/v2/bot/message/{message}/content"


def namespace() -> str | None:
    """What people's ids are unique in. Without a provider's id the host takes the channel."""
    return config().get("provider_id")


def problems(given) -> list[str]:
    """What the schema cannot tell."""
    bases = {name: given.get(name) for name in ("api_base", "media_base")} if isinstance(given, dict) else {}
    wrong = [name for name, base in bases.items() if base is not None and not http.origin(str(base))]
    return [f"`{name}` has to begin with https:// or http://." for name in wrong]

"""Whether the channel works, and how it is connected."""

from jackfield_sdk import words
from wit_world.exports import configure

from . import api


def check() -> configure.Health:
    """Asks LINE whose token it is."""
    bot = api.get("/v2/bot/info")
    name = words.text(bot, "displayName") or "without a name"
    return configure.Health(f"LINE account {name} ({words.text(bot, 'basicId') or words.text(bot, 'userId')})")


def connect(public_url: str) -> list[configure.Step]:
    """Registers the webhook and has LINE try it. Two switches stay, which no program can turn."""
    api.put("/v2/bot/channel/webhook/endpoint", {"endpoint": public_url})
    registered = api.get("/v2/bot/channel/webhook/endpoint")
    use = (
        None
        if registered.get("active")
        else "In the LINE Developers Console, under Messaging API, turn on `Use webhook`."
    )
    tried = api.post("/v2/bot/channel/webhook/test", {"endpoint": public_url})
    detail = words.text(tried, "detail") or words.text(tried, "reason") or "no reason was given"
    reached = None if tried.get("success") else f"LINE could not reach {public_url}: {detail}."
    again = "In the LINE Developers Console, under Messaging API, turn on `Webhook redelivery`, and turn off auto-reply messages."
    return [
        configure.Step("Register the webhook", None),
        configure.Step("Use the webhook", use),
        configure.Step("Try the webhook", reached),
        configure.Step("Have lost events sent again", again),
    ]

"""Says what it connects to, in a sentence."""

from jackfield_sdk import config, failure, http, secrets, types, words
from wit_world.exports import send


class Receive:
    def handle(self, request):
        # Verify first: without it nothing counts.
        signature = words.header(request, "x-signature")
        if not secrets.verify_hex("webhook-secret", secrets.HMAC_SHA256, request.body, signature):
            raise failure.unauthenticated("The header X-Signature is missing or wrong.")
        outcome = words.outcome()
        # Each event by itself: one that cannot be read must not take its siblings along.
        words.each(outcome, words.body_json(request).get("events"), _events)
        return outcome


class Send:
    def deliver(self, delivery, idempotency_key):
        match delivery.action:
            case send.Action_Message(value=content):
                ids = words.in_order(content.parts, lambda part, is_first: _post(delivery.to.value, part))
                return send.Receipt(ids, [])
            case _:
                raise failure.unsupported("This channel only takes messages.")


class Identity:
    def hints(self, who):
        return []


def _events(item: dict) -> list[types.Event]:
    kind = words.need(item, "type")
    if kind != "message":
        return [words.other(kind, item, words.text(item, "id") or "")]
    sender = words.need(item, "from")
    message = types.Message(
        id=words.need(item, "id"),
        thread=types.Thread(sender, types.ThreadKind_Direct()),
        author=types.Author_Customer(words.sender(types.Identifier("example", None, sender))),
        sent_at=None,
        parts=[types.Part_Text(words.need(item, "text"))],
        reply_to=None,
        extra=[],
    )
    return [words.event(types.EventBody_Message(message))]


def _post(to: str, part: types.Part) -> str:
    if not isinstance(part, types.Part_Text):
        raise failure.unsupported("This channel only takes text.")
    base = config().get("api_base", "https://api.example.com")
    answer = http.act(http.request("POST", f"{base}/messages", {"to": to, "text": part.value}))
    if answer.status == 429:
        raise failure.rate_limited("Too many messages.", after_ms=answer.retry_after_ms())
    if answer.status == 401:
        raise failure.credentials("The token is not accepted.")
    if answer.status >= 500:
        raise failure.retry(f"The provider answered with status {answer.status}.")
    if answer.status >= 400:
        raise failure.rejected(f"The provider answered with status {answer.status}.")
    id = words.text(answer.json(), "id")
    if id is None:
        raise failure.uncertain("The provider took the message but gave no id of it.")
    return id

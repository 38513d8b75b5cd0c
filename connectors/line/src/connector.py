"""The LINE connector: one Official Account is one channel."""

from jackfield_sdk import failure, json, secrets, types, words
from jackfield_sdk.files import Fetches
from line import config, files, outbound, profile, setup, webhook


class Receive:
    def handle(self, request):
        if request.method != "POST":
            return words.outcome(words.reply(405))
        signature = words.header(request, "x-line-signature")
        if not secrets.verify_base64("channel-secret", secrets.HMAC_SHA256, request.body, signature):
            raise failure.unauthenticated("The header X-Line-Signature is missing or wrong.")
        return webhook.read(request)


class Send:
    def deliver(self, delivery, idempotency_key):
        return outbound.deliver(delivery, idempotency_key)


class Identity:
    def hints(self, who):
        return profile.hints(who)


class Media(Fetches):
    refusal = "LINE takes a file by its URL, which has to begin with https://, and no upload of it."

    def fetch(self, media):
        return files.fetch(media)


class Configure:
    def validate(self, text):
        return [types.Problem(said, None) for said in config.problems(json.loads(text))]

    def check(self):
        return setup.check()

    def connect(self, public_url):
        return setup.connect(public_url)

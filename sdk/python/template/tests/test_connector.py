import hashlib
import hmac
import unittest
from pathlib import Path

from connector import Receive, Send
from jackfield_sdk import testing, types
from wit_world.exports import send

FIXTURE = (Path(__file__).parent.parent / "fixtures/message.json").read_bytes()


def env():
    return testing.Env({"api_base": "http://127.0.0.1:4000"}, {"webhook-secret": "s3cret"})


class Connector(unittest.TestCase):
    def test_a_message_arrives_and_one_that_cannot_be_read_does_not_take_it_along(self):
        signature = hmac.digest(b"s3cret", FIXTURE, hashlib.sha256).hex()
        outcome = env().run(lambda: Receive().handle(testing.webhook(FIXTURE, {"x-signature": signature})))
        self.assertEqual(
            [type(event.body) for event in outcome.events], [types.EventBody_Message, types.EventBody_Other]
        )
        self.assertEqual(
            [item.reason for item in outcome.unreadable], ["`from` is missing or is neither text nor number"]
        )

    def test_what_is_not_signed_is_refused(self):
        failure = env().fails(lambda: Receive().handle(testing.webhook(FIXTURE)))
        self.assertIsInstance(failure, types.Failure_Unauthenticated)

    def test_a_text_is_sent_without_a_credential_which_the_host_adds(self):
        provider = env().respond({"id": "m-9"})
        action = send.Action_Message(send.Content([types.Part_Text("Yes")], None))
        to = types.Identifier("example", None, "budi")
        receipt = provider.run(lambda: Send().deliver(send.Delivery(to, None, action), "key"))
        self.assertEqual(receipt.message_ids, ["m-9"])
        self.assertEqual(provider.requests[0].body, b'{"to":"budi","text":"Yes"}')
        self.assertNotIn("authorization", provider.requests[0].headers)


if __name__ == "__main__":
    unittest.main()

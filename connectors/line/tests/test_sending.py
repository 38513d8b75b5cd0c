import re
import unittest

from connector import Configure, Identity, Send
from jackfield_sdk import http, json, types, words
from support import env
from wit_world.exports import send

WHO = types.Identifier("line", None, "U4af4980629")
SENT = {"sentMessages": [{"id": "461230966842064897", "quoteToken": "IStG5h1Tz7b"}]}


def message(*parts):
    return send.Action_Message(send.Content(list(parts), None))


def deliver(line, action, thread=None, key="key-1"):
    return line.run(lambda: Send().deliver(send.Delivery(WHO, thread, action), key))


def refused(status, body=None, headers=None):
    line = env().respond(body or {"message": "no"}, status, headers)
    return line.fails(lambda: Send().deliver(send.Delivery(WHO, None, message(types.Part_Text("x"))), "key-1"))


class Sending(unittest.TestCase):
    def test_a_text_is_pushed_with_a_retry_key_and_without_a_credential(self):
        line = env().respond(SENT)
        self.assertEqual(deliver(line, message(types.Part_Text("Yes 🍵"))).message_ids, ["461230966842064897"])
        (request,) = line.requests
        self.assertEqual((request.method, request.url), ("POST", "http://127.0.0.1:4000/v2/bot/message/push"))
        self.assertEqual(json.loads(request.body), {"to": WHO.value, "messages": [{"type": "text", "text": "Yes 🍵"}]})
        self.assertNotIn("authorization", request.headers)
        uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
        self.assertRegex(request.headers["x-line-retry-key"], re.compile(uuid))

    def test_the_retry_key_is_the_same_for_the_same_key_and_for_no_other(self):
        def used(key):
            line = env().respond(SENT)
            deliver(line, message(types.Part_Text("x")), key=key)
            return line.requests[0].headers["x-line-retry-key"]

        self.assertEqual(used("a"), used("a"))
        self.assertNotEqual(used("a"), used("b"))

    def test_what_was_accepted_before_is_done(self):
        line = env().respond({"message": "The retry key is already accepted", **SENT}, 409)
        self.assertEqual(deliver(line, message(types.Part_Text("x"))).message_ids, ["461230966842064897"])

    def test_more_than_five_messages_are_several_pushes_with_keys_of_their_own(self):
        line = env().respond(SENT)
        deliver(line, message(*[types.Part_Text(str(n)) for n in range(6)]), thread="Ca56f94637c")
        self.assertEqual([len(json.loads(request.body)["messages"]) for request in line.requests], [5, 1])
        self.assertEqual({json.loads(request.body)["to"] for request in line.requests}, {"Ca56f94637c"})
        self.assertEqual(len({request.headers["x-line-retry-key"] for request in line.requests}), 2)

    def test_every_kind_of_content_has_its_form(self):
        line = env().respond(SENT)
        url = "https://cdn.example/a"
        deliver(
            line,
            message(
                types.Part_Image(words.media(url=url, caption="tea")),
                types.Part_File(words.media(url=url, filename="a.pdf")),
                types.Part_Sticker(words.media(id="446/1988")),
                types.Part_Location(types.Location(1.5, 2.5, None, None)),
            ),
        )
        self.assertEqual(
            json.loads(line.requests[0].body)["messages"],
            [
                {"type": "image", "originalContentUrl": url, "previewImageUrl": url},
                {"type": "text", "text": "tea"},
                {"type": "text", "text": f"a.pdf\n{url}"},
                {"type": "sticker", "packageId": "446", "stickerId": "1988"},
                {"type": "location", "title": "Location", "address": "1.5, 2.5", "latitude": 1.5, "longitude": 2.5},
            ],
        )
        flex = env().respond(SENT)
        deliver(flex, message(types.Part_Other(types.Property("flex", '{"altText":"tea","contents":{}}'))))
        self.assertEqual(json.loads(flex.requests[0].body)["messages"][0]["type"], "flex")

    def test_what_line_cannot_do_is_said(self):
        kinds = [
            send.Action_Delete("1"),
            send.Action_MarkRead("1"),
            send.Action_Call(),
            message(types.Part_Contact(types.Contact("", []))),
        ]
        for action in kinds:
            failure = env().fails(lambda: Send().deliver(send.Delivery(WHO, None, action), "key"))
            self.assertIsInstance(failure, types.Failure_Unsupported)
        for part in [types.Part_Text("🍵" * 2501), types.Part_Image(words.media(url="http://plain.example"))]:
            failure = env().fails(lambda: Send().deliver(send.Delivery(WHO, None, message(part)), "key"))
            self.assertIsInstance(failure, types.Failure_Rejected)

    def test_typing_is_shown_to_people_only(self):
        line = env().respond({}, 202)
        self.assertEqual(deliver(line, send.Action_Typing()).message_ids, [])
        self.assertEqual(json.loads(line.requests[0].body), {"chatId": WHO.value, "loadingSeconds": 20})
        failure = env().fails(lambda: Send().deliver(send.Delivery(WHO, "Ca56f94637c", send.Action_Typing()), "key"))
        self.assertIsInstance(failure, types.Failure_Unsupported)

    def test_refusals_say_what_to_do_about_them(self):
        self.assertEqual(refused(429, headers={"retry-after": "7"}).value[0], 7000)
        quota = refused(429, {"message": "You have reached your monthly limit."})
        self.assertIsInstance(quota, types.Failure_RateLimited)
        self.assertEqual(quota.value[0], 3_600_000)
        table = [
            (400, types.Failure_Rejected),
            (401, types.Failure_Credentials),
            (403, types.Failure_Credentials),
            (500, types.Failure_Retry),
            (504, types.Failure_Uncertain),
        ]
        for status, kind in table:
            self.assertIsInstance(refused(status), kind, status)
        details = {
            "message": "The request body has 1 error(s)",
            "details": [{"message": "May not be empty", "property": "messages[0].text"}],
        }
        self.assertIn("messages[0].text: May not be empty", refused(400, details).value.message)

    def test_a_connection_that_fails_says_whether_anything_was_sent(self):
        table = [
            (http.Unsent("refused"), types.Failure_Retry),
            (http.Unanswered("time ran out"), types.Failure_Uncertain),
            (http.Denied("not granted"), types.Failure_Misconfigured),
        ]
        for error, kind in table:
            line = env().respond(error)
            failure = line.fails(lambda: Send().deliver(send.Delivery(WHO, None, message(types.Part_Text("x"))), "key"))
            self.assertIsInstance(failure, kind)

    def test_a_profile_is_claims_and_a_stranger_has_none(self):
        profile = {
            "displayName": "Budi",
            "userId": WHO.value,
            "language": "id",
            "pictureUrl": "https://profile.example/b",
            "statusMessage": "tea",
        }
        hints = env().respond(profile).run(lambda: Identity().hints(WHO))
        kinds = [types.Subject_Name, types.Subject_Avatar, types.Subject_Language, types.Subject_Other]
        self.assertEqual([type(hint.about) for hint in hints], kinds)
        self.assertTrue(all(isinstance(hint.trust, types.Trust_Claimed) for hint in hints))
        self.assertEqual(env().respond({"message": "Not found"}, 404).run(lambda: Identity().hints(WHO)), [])

    def test_the_check_says_which_account_it_is(self):
        bot = {
            "userId": "Ub9952f8",
            "basicId": "@216ru",
            "displayName": "Shop",
            "chatMode": "bot",
            "markAsReadMode": "auto",
        }
        self.assertEqual(env().respond(bot).run(lambda: Configure().check()).summary, "LINE account Shop (@216ru)")

    def test_connecting_registers_the_webhook_and_says_what_is_left(self):
        line = env().respond({}).respond({"endpoint": "https://desk.example.com/hooks/l", "active": False})
        line.respond({"success": False, "statusCode": 401, "reason": "ERROR_STATUS_CODE", "detail": "401"})
        steps = line.run(lambda: Configure().connect("https://desk.example.com/hooks/l"))
        self.assertEqual([request.method for request in line.requests], ["PUT", "GET", "POST"])
        self.assertEqual(json.loads(line.requests[0].body), {"endpoint": "https://desk.example.com/hooks/l"})
        self.assertEqual([step.todo is None for step in steps], [True, False, False, False])


if __name__ == "__main__":
    unittest.main()

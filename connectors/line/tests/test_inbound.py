import unittest

from connector import Configure, Receive
from jackfield_sdk import json, types, words
from support import FIXTURE, env, signed


def receive(body: bytes, **config):
    return env(**config).run(lambda: Receive().handle(signed(body)))


class Inbound(unittest.TestCase):
    def setUp(self):
        self.outcome = receive(FIXTURE)
        self.bodies = {event.id[-2:]: event.body for event in self.outcome.events}

    def part(self, id):
        return self.bodies[id].value.parts[0]

    def test_what_is_not_signed_is_refused(self):
        for body, signature in [(FIXTURE, "AAAA"), (FIXTURE, "not base64!"), (b"{}", None)]:
            request = signed(FIXTURE)
            request.body = body
            if signature:
                request.headers[0].value = signature.encode()
            failure = env().fails(lambda: Receive().handle(request))
            self.assertIsInstance(failure, types.Failure_Unauthenticated)

    def test_the_empty_webhook_that_line_tries_with_is_accepted(self):
        outcome = receive(b'{"destination":"U1","events":[]}')
        self.assertEqual((outcome.reply.status, outcome.events, outcome.unreadable), (200, [], []))
        deep = [b"[" * 20_000 + b"]" * 20_000, b'{"a":' * 20_000]
        for body in [b"[]", b"", b"null", b"\xff\xfe\x00", b'{"n": NaN}', *deep]:
            self.assertIsInstance(env().fails(lambda: Receive().handle(signed(body))), types.Failure_Rejected)

    def test_brackets_in_texts_and_in_a_row_are_not_deep(self):
        text = "[{" * 300 + '\\"'
        message = {"id": "1", "type": "text", "text": text}
        source = {"type": "user", "userId": "U1"}
        events = [
            {"type": "message", "webhookEventId": f"e{n}", "source": source, "message": message} for n in range(300)
        ]
        self.assertEqual(len(receive(json.dumps({"events": events}).encode()).events), 300)

    def test_a_number_beyond_all_bounds_is_kept_as_none(self):
        event = b'{"type": "new", "webhookEventId": "e1", "source": {"userId": "U1"}, "n": 1e999, "timestamp": 1e999}'
        (kept,) = receive(b'{"events": [' + event + b"]}").events
        self.assertIsNone(json.loads(kept.body.value.value)["n"])

    def test_no_configuration_makes_its_check_collapse(self):
        for text in ["null", "[]", '"text"', "{}"]:
            self.assertEqual(Configure().validate(text), [])
        self.assertEqual(len(Configure().validate('{"api_base": "line.me"}')), 1)

    def test_every_event_is_one_by_itself_and_one_without_an_id_spares_its_siblings(self):
        self.assertEqual(len(self.outcome.events), 13)
        (bad,) = self.outcome.unreadable
        self.assertEqual(json.loads(bad.raw)["webhookEventId"], "01FZ74A0TDDPYRVKNK77XKC404")
        self.assertIn("`id` is missing", bad.reason)

    def test_a_text_is_its_authors(self):
        message = self.bodies["ZR"].value
        self.assertEqual(message.id, "444573844083572737")
        self.assertEqual(message.thread, types.Thread("U4af4980629", types.ThreadKind_Direct()))
        self.assertEqual(
            message.author, types.Author_Customer(words.sender(types.Identifier("line", None, "U4af4980629")))
        )
        self.assertEqual((message.sent_at, message.reply_to), (1692251666727, "444573844083572000"))
        self.assertEqual(message.parts, [types.Part_Text("Is the tea back? (tea) @All")])
        self.assertEqual([extra.name for extra in message.extra], ["mention", "emojis"])

    def test_people_are_scoped_to_the_provider_where_it_is_known(self):
        outcome = receive(FIXTURE, provider_id="p-1")
        self.assertEqual(outcome.events[0].body.value.author.value.identity.namespace, "p-1")

    def test_files_come_by_the_id_of_their_message(self):
        self.assertEqual(self.part("ZS"), types.Part_Image(words.media(id="354718705033693859")))
        self.assertEqual(
            self.part("ZT"), types.Part_Video(words.media(id="325708", url="https://cdn.example/original.mp4"))
        )
        self.assertEqual(self.part("ZU"), types.Part_Audio(words.media(id="325709")))
        self.assertEqual(self.part("ZV"), types.Part_File(words.media(id="325710", filename="receipt.pdf", size=2138)))

    def test_groups_and_rooms_are_threads_of_their_own(self):
        threads = [self.bodies[id].value.thread for id in ("ZS", "ZT")]
        self.assertEqual([thread.id for thread in threads], ["Ca56f94637c", "Ra8dbf4673c"])
        self.assertTrue(all(isinstance(thread.kind, types.ThreadKind_Group) for thread in threads))

    def test_places_and_stickers_have_their_form(self):
        self.assertEqual(self.part("ZW").value, types.Location(-6.1754, 106.8272, "my location", "Monas, Jakarta"))
        self.assertEqual(self.part("ZX").value, words.media(id="11537/52002738", caption="cony, sally, Staring"))

    def test_what_is_unsent_is_deleted(self):
        self.assertEqual(self.bodies["ZY"].value, types.Deletion("325710", 1692251666734))

    def test_following_and_blocking_are_touchpoints(self):
        self.assertEqual([self.bodies[id].value.kind for id in ("ZZ", "00")], ["subscribed", "blocked"])
        self.assertEqual(self.bodies["ZZ"].value.extra, [types.Property("follow", '{"isUnblocked":true}')])

    def test_a_postback_is_an_interaction(self):
        message = self.bodies["02"].value
        self.assertEqual(message.id, "postback:01FZ74A0TDDPYRVKNK77XKC402")
        self.assertEqual(message.parts, [types.Part_Interaction(types.Interaction("storeId=12345", "storeId=12345"))])

    def test_what_nobody_known_did_is_kept_without_the_token(self):
        joined = self.bodies["01"].value
        self.assertEqual(joined.name, "join")
        self.assertNotIn("replyToken", joined.value)
        self.assertEqual(self.bodies["03"].value.name, "message")

    def test_half_an_emoji_does_not_break_the_message(self):
        event = json.loads(FIXTURE)["events"][0]
        body = json.dumps({"events": [event]}).replace("Is the tea back?", "tea \\ud83c").encode()
        self.assertTrue(receive(body).events[0].body.value.parts[0].value.startswith("tea \ufffd"))

    def test_a_base_without_a_scheme_is_no_configuration(self):
        self.assertEqual(len(Configure().validate('{"api_base": "api.line.me"}')), 1)
        self.assertEqual(Configure().validate("{}"), [])


if __name__ == "__main__":
    unittest.main()

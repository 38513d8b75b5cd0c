import unittest

from connector import Identity, Media, Poll
from jackfield_sdk import files, http, testing, types, words
from wit_world.exports import media, poll

ANSWER = {"next": "7", "more": True, "messages": [{"id": "m1", "from": "ada", "file": "f1"}, {"id": "m2"}]}
FILE = media.Outgoing("image", "a.png", "image/png", 3, "00", [])


def answer(status, body=b""):
    return media.Answer(status, [], body, b"key-1")


class Polled(unittest.TestCase):
    def test_a_batch_has_its_events_and_what_could_not_be_read_and_where_to_go_on(self):
        news = testing.Env().respond(ANSWER)
        batch = news.run(lambda: Poll().poll(None))
        self.assertIsInstance(batch, poll.Batch)
        self.assertEqual([event.body.value.id for event in batch.events], ["m1"])
        (bad,) = batch.unreadable
        self.assertIsInstance(bad, poll.Unreadable)
        self.assertIn("`from` is missing", bad.reason)
        self.assertEqual((batch.cursor, batch.more, batch.wait_ms), (b"7", True, None))
        news.run(lambda: Poll().poll(batch.cursor))
        self.assertEqual([request.url[-8:] for request in news.requests], ["messages", "?after=7"])

    def test_nothing_new_leaves_the_cursor_as_it_was(self):
        self.assertEqual(words.batch(), poll.Batch([], [], None, False, None))

    def test_a_file_is_a_request_with_what_is_known_of_it(self):
        file = Media().fetch(words.media(id="f1", size=3))
        self.assertEqual(
            file.source, media.Source_Download(media.Request("GET", "https://news.example/files/f1", []))
        )
        self.assertEqual((file.mime, file.size, file.sha256), ("image/png", 3, None))

    def test_an_upload_is_a_form_then_bytes_then_an_id(self):
        transfer = Media().upload(FILE, "key-1").value
        fields = [files.field("name", "a.png"), files.file_field("content")]
        self.assertEqual((transfer.body, transfer.context), (media.Body_Multipart(fields), b"key-1"))
        again = Media().resume(FILE, answer(202)).value
        self.assertEqual((again.request.method, again.body, again.range), ("PUT", media.Body_File(), None))
        done = Media().resume(FILE, answer(200, b'{"id": "f9"}'))
        known = words.media(id="f9", mime="image/png", filename="a.png", size=3)
        known.sha256 = "00"
        self.assertEqual(done, media.Progress_Done(known))
        refused = testing.Env().fails(lambda: Media().resume(FILE, answer(413)))
        self.assertIsInstance(refused, types.Failure_Rejected)

    def test_a_channel_that_takes_no_files_says_so(self):
        for call in [lambda: files.Fetches().upload(FILE, "key-1"), lambda: files.Fetches().resume(FILE, answer(200))]:
            self.assertIsInstance(testing.Env().fails(call), types.Failure_Unsupported)

    def test_the_origin_of_a_url_ends_where_its_path_begins(self):
        ours = "https://files.example:8443"
        for rest in ["", "/a?b=https://x.example", "?a", "#a"]:
            self.assertEqual(http.origin(ours + rest), ours)
        for other in [ours + "@evil.example/", ours + ".evil.example/"]:
            self.assertNotEqual(http.origin(other), ours)
        self.assertEqual(http.origin("files.example"), "")

    def test_who_is_polled_need_not_be_called(self):
        self.assertIsNone(words.receive)
        self.assertEqual(Identity().hints(None), [])


if __name__ == "__main__":
    unittest.main()

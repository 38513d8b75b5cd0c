import unittest

from connector import Configure, Media
from jackfield_sdk import http, types, words
from support import env
from wit_world.exports import media

ID = "325708"
URL = f"http://127.0.0.1:4001/v2/bot/message/{ID}/content"


def line():
    return env(media_base="http://127.0.0.1:4001")


def refused(line, attachment=None):
    return line.fails(lambda: Media().fetch(attachment or words.media(id=ID)))


class Files(unittest.TestCase):
    def test_a_film_is_fetched_once_it_is_prepared(self):
        ready = line().respond({"status": "succeeded"})
        file = ready.run(lambda: Media().fetch(words.media(id=ID)))
        self.assertEqual([request.url for request in ready.requests], [f"{URL}/transcoding"])
        self.assertEqual(file.source, media.Source_Download(media.Request("GET", URL, [])))
        preparing = refused(line().respond({"status": "processing"}))
        self.assertIsInstance(preparing, types.Failure_Retry)
        self.assertEqual(preparing.value[0], 5_000)
        self.assertIsInstance(refused(line().respond({"status": "failed"})), types.Failure_Rejected)

    def test_what_needs_no_preparation_is_there_with_its_name_and_size(self):
        for status in (400, 404, 410):
            attachment = words.media(id=ID, filename="receipt.pdf", size=2138)
            file = line().respond({"message": "no"}, status).run(lambda: Media().fetch(attachment))
            self.assertEqual((file.filename, file.size, file.mime), ("receipt.pdf", 2138, None))

    def test_refusals_say_what_to_do_about_them(self):
        table = [(401, types.Failure_Credentials), (429, types.Failure_RateLimited), (500, types.Failure_Retry)]
        for status, kind in table:
            self.assertIsInstance(refused(line().respond({"message": "no"}, status)), kind)
        self.assertIsInstance(refused(line().respond(http.Unanswered("time ran out"))), types.Failure_Retry)

    def test_what_line_does_not_keep_is_not_asked_for(self):
        nobody = line()
        elsewhere = refused(nobody, words.media(id=ID, url="https://cdn.example/original.mp4?key=secret"))
        self.assertIsInstance(elsewhere, types.Failure_Unsupported)
        self.assertIn("https://cdn.example,", elsewhere.value.message)
        self.assertIsInstance(refused(nobody, words.media(id="446/1988")), types.Failure_Unsupported)
        for id in ("info", "1?x", "\u0663", ""):
            self.assertIsInstance(refused(nobody, words.media(id=id)), types.Failure_Rejected)
        self.assertEqual(nobody.requests, [])

    def test_an_upload_is_unsupported_and_says_what_line_takes(self):
        file = media.Outgoing("image", "a.jpg", "image/jpeg", 1, "00", [])
        for call in (lambda: Media().upload(file, "key-1"), lambda: Media().resume(file, None)):
            failure = line().fails(call)
            self.assertIsInstance(failure, types.Failure_Unsupported)
            self.assertIn("by its URL", failure.value.message)

    def test_a_media_base_without_a_scheme_is_no_configuration(self):
        (said,) = Configure().validate('{"media_base": "api-data.line.me"}')
        self.assertIn("`media_base`", said.message)


if __name__ == "__main__":
    unittest.main()

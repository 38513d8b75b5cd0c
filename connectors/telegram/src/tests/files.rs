use jackfield_sdk::http::Response;
use jackfield_sdk::media::{Files, Source};
use jackfield_sdk::{Failure, Media};
use serde_json::json;

use super::env;
use crate::Telegram;

#[test]
fn a_file_is_asked_for_and_is_where_telegram_says_with_its_size() {
    let answer = json!({"ok": true, "result": {"file_id": "F1", "file_size": 12, "file_path": "documents/file_1.pdf"}});
    let mut env = env().respond_with(Response::json(200, &answer));
    let media = Media { id: Some("F1".into()), ..Media::default() };
    let file = env.run(|| Telegram::fetch(media)).unwrap();
    let Source::Download(request) = file.source else { panic!("{:?} is no download", file.source) };
    assert_eq!(request.url, "http://127.0.0.1:4000/file/bot{bot-token}/documents/file_1.pdf");
    assert_eq!(file.size, Some(12));
}

#[test]
fn a_file_that_is_gone_or_too_large_is_rejected() {
    let gone = json!({"ok": false, "error_code": 400, "description": "Bad Request: file is temporarily unavailable"});
    for answer in [Response::json(400, &gone), Response::json(200, &json!({"ok": true, "result": {"file_id": "F1"}}))] {
        let media = Media { id: Some("F1".into()), ..Media::default() };
        let failure = env().respond_with(answer).run(|| Telegram::fetch(media)).unwrap_err();
        assert!(matches!(failure, Failure::Rejected(_)), "{failure:?}");
    }
}

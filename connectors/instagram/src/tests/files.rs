use jackfield_sdk::media::{File, Files, Outgoing, Source};
use jackfield_sdk::{Connector, Failure, Media};

use super::env;
use crate::Instagram;

fn fetch(url: Option<&str>) -> Result<File, Failure> {
    let media = Media { id: Some("77".into()), url: url.map(ToOwned::to_owned), ..Media::default() };
    env().run(|| Instagram::fetch(media))
}

#[test]
fn a_file_is_at_its_url() {
    let url = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1&signature=x";
    let Source::Download(request) = fetch(Some(url)).unwrap().source else { panic!("no download") };
    assert_eq!((request.method.as_str(), request.url.as_str(), request.headers.len()), ("GET", url, 0));
}

#[test]
fn a_file_on_another_host_is_refused_with_the_remedy() {
    for elsewhere in ["https://cdn.example/1.jpg?signature=x", "http://127.0.0.1:4000/1.jpg?signature=x"] {
        let Err(Failure::Misconfigured(problem)) = fetch(Some(elsewhere)) else { panic!("{elsewhere}") };
        assert!(problem.message.contains("`media_base`") && !problem.message.contains("signature"));
    }
}

#[test]
fn an_attachment_without_a_url_is_rejected() {
    assert!(matches!(fetch(None), Err(Failure::Rejected(_))));
}

#[test]
fn an_upload_is_unsupported_and_says_what_instagram_takes() {
    let (filename, mime) = ("a.jpg".into(), "image/jpeg".into());
    let file = Outgoing { kind: "image".into(), filename, mime, size: 1, sha256: "00".into(), extra: Vec::new() };
    let Err(Failure::Unsupported(problem)) = env().run(|| Instagram::upload(file, "key-1")) else {
        panic!("not unsupported")
    };
    assert!(problem.message.contains("by a URL"));
}

#[test]
fn a_media_base_without_a_scheme_is_a_problem() {
    let problems = Instagram::validate(r#"{"account_id": "1", "media_base": "lookaside.fbsbx.com"}"#);
    assert!(problems[0].message.contains("`media_base`"), "{problems:?}");
}

use jackfield_sdk::http::Response;
use jackfield_sdk::media::{Answer, Body, Field, File, Files, Outgoing, Progress, Source, Transfer};
use jackfield_sdk::testing::Env;
use jackfield_sdk::{Connector, Failure, Media};
use serde_json::{Value, json};

use super::env;
use crate::WhatsApp;

const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn fetch(env: &mut Env, id: &str) -> Result<File, Failure> {
    let media = Media { id: Some(id.into()), sha256: Some(SUM.to_uppercase()), ..Media::default() };
    env.run(|| WhatsApp::fetch(media))
}

fn told(url: &str, more: Value) -> Response {
    let mut told = json!({"messaging_product": "whatsapp", "id": "1001", "url": url});
    told.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    Response::json(200, &told)
}

fn url(file: &File) -> &str {
    match &file.source {
        Source::Download(request) => &request.url,
        other => panic!("{other:?} is no download"),
    }
}

#[test]
fn a_file_is_where_meta_says_with_what_it_says_of_it() {
    let address = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1001&ext=1&hash=x";
    let more = json!({"mime_type": "image/jpeg", "file_size": "303833", "sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="});
    let mut env = env().respond_with(told(address, more));
    let file = fetch(&mut env, "1001").unwrap();
    assert_eq!(env.requests()[0].url, "http://127.0.0.1:4000/v25.0/1001?phone_number_id=700700");
    assert_eq!(url(&file), address);
    assert_eq!(
        (file.mime.as_deref(), file.size, file.sha256.as_deref()),
        (Some("image/jpeg"), Some(303_833), Some(SUM))
    );
}

#[test]
fn the_sum_of_the_webhook_holds_where_meta_repeats_none() {
    let mut env = env().respond_with(told("http://127.0.0.1:4000/files/1001", json!({})));
    let file = fetch(&mut env, "1001").unwrap();
    assert_eq!((file.sha256, file.size), (Some(SUM.to_uppercase()), None));
}

#[test]
fn a_file_on_another_host_is_refused_with_the_remedy_and_without_the_rest_of_its_url() {
    for elsewhere in ["https://evil.example/f?hash=secret", "https://lookaside.fbsbx.com@evil.example/f?hash=secret"] {
        let failure = fetch(&mut env().respond_with(told(elsewhere, json!({}))), "1001").unwrap_err();
        let Failure::Misconfigured(problem) = failure else { panic!("{failure:?}") };
        assert!(problem.message.contains("evil.example") && problem.message.contains("`media_base`"));
        assert!(!problem.message.contains("secret"));
    }
}

#[test]
fn a_file_that_is_gone_is_rejected_and_one_that_cannot_be_asked_for_is_not() {
    let refused = |status: u16, code: i64| Response::json(status, &json!({"error": {"message": "no", "code": code}}));
    let failure = |response: Response| fetch(&mut env().respond_with(response), "1001").unwrap_err();
    assert!(matches!(failure(refused(400, 100)), Failure::Rejected(_)));
    assert!(matches!(failure(refused(401, 190)), Failure::Credentials(_)));
    assert!(matches!(failure(refused(500, 131_000)), Failure::Retry(_)));
    assert!(matches!(failure(Response::json(200, &json!({}))), Failure::Retry(_)));
}

#[test]
fn what_is_no_id_of_a_file_is_not_asked_for() {
    let mut env = env();
    for id in ["", "../me", "1?fields=x", "1001/owner"] {
        assert!(matches!(fetch(&mut env, id), Err(Failure::Rejected(_))), "{id}");
    }
    assert!(env.requests().is_empty());
}

fn outgoing(kind: &str, size: u64) -> Outgoing {
    let (filename, mime) = ("invoice.pdf".into(), "application/pdf".into());
    Outgoing { kind: kind.into(), filename, mime, size, sha256: SUM.into(), extra: Vec::new() }
}

fn upload(kind: &str, size: u64) -> Result<Progress, Failure> {
    env().run(|| WhatsApp::upload(outgoing(kind, size), "key-1"))
}

#[test]
fn a_file_is_given_to_the_number_as_a_form() {
    let Ok(Progress::Transfer(transfer)) = upload("file", 9) else { panic!("no transfer") };
    let Transfer { request, body, range, .. } = transfer;
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "http://127.0.0.1:4000/v25.0/700700/media"));
    let fields =
        vec![Field::text("messaging_product", "whatsapp"), Field::text("type", "application/pdf"), Field::file("file")];
    assert_eq!((body, range), (Body::Multipart(fields), None));
}

#[test]
fn a_file_that_is_too_large_for_its_kind_is_refused_before_it_is_uploaded() {
    let limits =
        [("image", 5 << 20), ("audio", 16 << 20), ("video", 16 << 20), ("file", 100 << 20), ("sticker", 500 << 10)];
    for (kind, limit) in limits {
        assert!(matches!(upload(kind, limit), Ok(Progress::Transfer(_))), "{kind}");
        let Err(Failure::Rejected(problem)) = upload(kind, limit + 1) else { panic!("{kind}") };
        assert!(problem.message.contains(&limit.to_string()), "{}", problem.message);
    }
}

fn resume(status: u16, body: &Value) -> Result<Progress, Failure> {
    let (headers, context) = (Vec::new(), Vec::new());
    let answer = Answer { status, headers, body: body.to_string().into_bytes(), context };
    env().run(|| WhatsApp::resume(outgoing("file", 9), answer))
}

#[test]
fn an_uploaded_file_is_known_by_its_id() {
    let Ok(Progress::Done(media)) = resume(200, &json!({"id": "4490709327384033"})) else { panic!("not done") };
    assert_eq!((media.id.as_deref(), media.url), (Some("4490709327384033"), None));
    assert_eq!((media.filename.as_deref(), media.size), (Some("invoice.pdf"), Some(9)));
}

#[test]
fn a_refused_upload_says_what_to_do_and_is_never_uncertain() {
    type Check = fn(&Failure) -> bool;
    let error = |code: i64| json!({"error": {"message": "no", "code": code}});
    let table: [(u16, Value, Check); 6] = [
        (400, error(100), |failure| matches!(failure, Failure::Rejected(_))),
        (401, error(190), |failure| matches!(failure, Failure::Credentials(_))),
        (429, json!({}), |failure| matches!(failure, Failure::RateLimited(_))),
        (500, error(131_000), |failure| matches!(failure, Failure::Retry(_))),
        (504, Value::Null, |failure| matches!(failure, Failure::Retry(_))),
        (200, json!({}), |failure| matches!(failure, Failure::Retry(_))),
    ];
    for (status, body, is_right) in table {
        let failure = resume(status, &body).unwrap_err();
        assert!(is_right(&failure), "{status} {body} became {failure:?}");
    }
}

#[test]
fn a_media_base_without_a_scheme_is_a_problem() {
    let problems = WhatsApp::validate(r#"{"phone_number_id": "1", "media_base": "lookaside.fbsbx.com"}"#);
    assert!(problems[0].message.contains("`media_base`"), "{problems:?}");
}

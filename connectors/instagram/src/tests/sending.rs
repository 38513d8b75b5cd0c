use jackfield_sdk::http::{self, Response};
use jackfield_sdk::testing::Env;
use jackfield_sdk::{
    Action, Connector, Content, Delivery, Failure, Hint, Identifier, Location, Media, Part, Receipt, Subject, send,
};
use serde_json::{Value, json};

use super::{ACCOUNT, env};
use crate::Instagram;

fn sent() -> Response {
    Response::json(200, &json!({"recipient_id": "5550001", "message_id": "m.new"}))
}

fn refused(status: u16, code: i64, subcode: i64, message: &str) -> Response {
    Response::json(status, &json!({"error": {"message": message, "code": code, "error_subcode": subcode}}))
}

fn to_person(action: Action) -> Delivery {
    Delivery { to: Identifier::scoped("instagram", ACCOUNT, "5550001"), thread: Some("5550001".into()), action }
}

fn parts(parts: Vec<Part>) -> Action {
    Action::Message(Content { parts, reply_to: None })
}

fn text(words: &str) -> Action {
    parts(vec![Part::Text(words.into())])
}

fn deliver(env: &mut Env, delivery: Delivery) -> Result<Receipt, Failure> {
    env.run(|| Instagram::send(delivery, "key-1"))
}

fn bodies(env: &Env) -> Vec<Value> {
    env.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[test]
fn a_text_goes_to_the_person() {
    let mut env = env().respond_with(sent());
    assert_eq!(deliver(&mut env, to_person(text("Yes!"))).unwrap().message_ids, ["m.new"]);
    assert_eq!(env.requests()[0].url, format!("http://127.0.0.1:4000/v25.0/{ACCOUNT}/messages"));
    assert_eq!(
        bodies(&env),
        [json!({"recipient": {"id": "5550001"}, "messaging_type": "RESPONSE", "message": {"text": "Yes!"}})]
    );
}

#[test]
fn the_limit_of_a_text_is_in_bytes() {
    let mut env = env().respond_with(sent());
    deliver(&mut env, to_person(text(&"a".repeat(1000)))).unwrap();
    let Err(Failure::Rejected(problem)) = deliver(&mut env, to_person(text(&"é".repeat(501)))) else {
        panic!("not rejected")
    };
    assert!(problem.message.contains("1002 bytes"));
    assert_eq!(env.requests().len(), 1);
}

#[test]
fn media_go_by_url_and_their_words_follow() {
    let mut env = env().respond_with(sent());
    let media =
        Media { url: Some("https://cdn.example/a.jpg".into()), caption: Some("The laptop".into()), ..Media::default() };
    let by_id = Media { id: Some("77".into()), ..Media::default() };
    let receipt = deliver(&mut env, to_person(parts(vec![Part::Image(media), Part::File(by_id)]))).unwrap();
    assert_eq!(receipt.message_ids.len(), 3);
    let bodies = bodies(&env);
    assert_eq!(
        bodies[0]["message"],
        json!({"attachment": {"type": "image", "payload": {"url": "https://cdn.example/a.jpg"}}})
    );
    assert_eq!(bodies[1]["message"], json!({"text": "The laptop"}));
    assert_eq!(bodies[2]["message"], json!({"attachment": {"type": "file", "payload": {"attachment_id": "77"}}}));
}

#[test]
fn signs_go_as_sender_actions() {
    let mut env = env().respond_with(Response::json(200, &json!({"recipient_id": "5550001"})));
    let react = |emoji: Option<&str>| {
        Action::Reaction(send::Reaction { message_id: "m.text".into(), emoji: emoji.map(ToOwned::to_owned) })
    };
    for action in [react(Some("❤️")), react(None), Action::MarkRead("m.text".into()), Action::Typing] {
        assert_eq!(deliver(&mut env, to_person(action)).unwrap(), Receipt::done());
    }
    let bodies = bodies(&env);
    assert_eq!(bodies[0]["payload"], json!({"message_id": "m.text", "reaction": "love"}));
    let actions: Vec<_> = bodies.iter().map(|body| body["sender_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["react", "unreact", "mark_seen", "typing_on"]);
}

#[test]
fn a_thread_of_comments_is_not_answered_by_accident() {
    let mut env = env().respond_with(sent());
    let delivery = Delivery { thread: Some("post.1".into()), ..to_person(text("In private, please")) };
    assert!(matches!(deliver(&mut env, delivery), Err(Failure::Unsupported(_))));
    assert!(env.requests().is_empty());
}

#[test]
fn what_instagram_cannot_do_is_unsupported_before_anything_is_sent() {
    let mut env = env().respond_with(sent());
    let place = Part::Location(Location { latitude: 0.0, longitude: 0.0, name: None, address: None });
    for action in [Action::Delete("m".into()), Action::Call, parts(vec![Part::Text("here".into()), place])] {
        assert!(matches!(deliver(&mut env, to_person(action)), Err(Failure::Unsupported(_))));
    }
    assert!(env.requests().is_empty());
}

#[test]
fn refusals_say_what_to_do_about_them() {
    type Check = fn(&Failure) -> bool;
    let table: [(Response, Check); 12] = [
        (refused(400, 10, 2_534_022, "no"), |failure| matches!(failure, Failure::WindowClosed(_))),
        (refused(400, 10, 2_018_278, "no"), |failure| matches!(failure, Failure::WindowClosed(_))),
        (refused(400, 100, 0, "Sent outside of allowed window."), |failure| {
            matches!(failure, Failure::WindowClosed(_))
        }),
        (refused(400, 100, 2_018_001, "no"), |failure| matches!(failure, Failure::RecipientGone(_))),
        (refused(400, 551, 0, "no"), |failure| matches!(failure, Failure::RecipientGone(_))),
        (refused(400, 613, 0, "no"), |failure| matches!(failure, Failure::RateLimited(_))),
        (refused(400, 190, 0, "no"), |failure| matches!(failure, Failure::Credentials(_))),
        (refused(403, 10, 1_893_063, "no"), |failure| matches!(failure, Failure::Credentials(_))),
        (refused(500, 2, 0, "no"), |failure| matches!(failure, Failure::Retry(_))),
        (refused(400, 100, 0, "no"), |failure| matches!(failure, Failure::Rejected(_))),
        (Response::json(502, &Value::Null), |failure| matches!(failure, Failure::Retry(_))),
        (Response::json(200, &json!({})), |failure| matches!(failure, Failure::Uncertain(_))),
    ];
    for (response, is_right) in table {
        let shown = format!("{response:?}");
        let failure = deliver(&mut env().respond_with(response), to_person(text("x"))).unwrap_err();
        assert!(is_right(&failure), "{shown} became {failure:?}");
    }
    let mut env = env().respond(|_| Err(http::Error::Unanswered("time ran out".into())));
    assert!(matches!(deliver(&mut env, to_person(text("x"))), Err(Failure::Uncertain(_))));
}

#[test]
fn a_profile_is_a_claim_and_a_closed_one_is_no_failure() {
    let who = Identifier::scoped("instagram", ACCOUNT, "5550001");
    let profile =
        json!({"name": "Sari", "username": "sari.d", "profile_pic": "https://cdn.example/p.jpg", "id": "5550001"});
    let mut open = env().respond_with(Response::json(200, &profile));
    let hints = open.run(|| Instagram::hints(who.clone())).unwrap();
    assert_eq!(hints[1], Hint::claimed(Subject::Username("sari.d".into()), "username on Instagram"));
    assert_eq!(hints.len(), 3);
    assert_eq!(open.requests()[0].url, "http://127.0.0.1:4000/v25.0/5550001?fields=name,username,profile_pic");
    let mut closed = env().respond_with(refused(400, 100, 0, "User consent is required"));
    assert_eq!(closed.run(|| Instagram::hints(who.clone())), Ok(vec![]));
    let mut broken = env().respond_with(refused(401, 190, 0, "expired"));
    assert!(matches!(broken.run(|| Instagram::hints(who)), Err(Failure::Credentials(_))));
}

#[test]
fn the_check_names_the_account() {
    let mut env = env().respond_with(Response::json(200, &json!({"id": ACCOUNT, "username": "toko"})));
    assert_eq!(env.run(Instagram::check).unwrap().summary, "Instagram account @toko");
}

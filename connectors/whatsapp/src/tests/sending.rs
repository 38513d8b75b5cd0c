use std::sync::{Arc, Mutex};

use jackfield_sdk::http::{self, Response};
use jackfield_sdk::testing::Env;
use jackfield_sdk::{
    Action, Connector, Content, Delivery, Failure, Identifier, Location, Media, Part, Problem, Property, Receipt,
    Template, send,
};
use serde_json::{Value, json};

use super::{env, receive};
use crate::WhatsApp;

fn sent(id: &str) -> Response {
    Response::json(
        200,
        &json!({"messaging_product": "whatsapp", "contacts": [{"input": "1", "wa_id": "1"}], "messages": [{"id": id}]}),
    )
}

fn refused(status: u16, code: i64) -> Response {
    Response::json(
        status,
        &json!({"error": {"message": "(#1) no", "code": code, "error_data": {"details": "because"}}}),
    )
}

fn to(value: &str, action: Action) -> Delivery {
    Delivery { to: Identifier::scoped("whatsapp", "900100", value), thread: Some(value.into()), action }
}

fn parts(parts: Vec<Part>) -> Action {
    Action::Message(Content { parts, reply_to: Some("wamid.q".into()) })
}

fn text(words: &str) -> Action {
    parts(vec![Part::Text(words.into())])
}

fn deliver(env: &mut Env, delivery: Delivery) -> Result<Receipt, Failure> {
    env.run(|| WhatsApp::send(delivery, "key-1"))
}

fn bodies(env: &Env) -> Vec<Value> {
    env.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[test]
fn a_text_goes_to_a_number_as_an_answer() {
    let mut env = env().respond_with(sent("wamid.new"));
    let receipt = deliver(&mut env, to("6281234567890", text("Hello"))).unwrap();
    assert_eq!(receipt.message_ids, ["wamid.new"]);
    assert_eq!(env.requests()[0].url, "http://127.0.0.1:4000/v25.0/700700/messages");
    assert!(env.requests()[0].headers.iter().all(|(name, _)| name != "authorization"));
    let expected = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "6281234567890", "type": "text",
        "text": {"body": "Hello", "preview_url": false}, "context": {"message_id": "wamid.q"},
    });
    assert_eq!(bodies(&env), [expected]);
}

#[test]
fn a_user_id_is_a_recipient_and_a_phone_number_loses_its_plus() {
    let mut env = env().respond_with(sent("wamid.new"));
    deliver(&mut env, to("BR.4KgQ2wJ8", text("Olá"))).unwrap();
    let phone = Delivery { to: Identifier::global("phone", "+62811"), thread: None, action: text("Hi") };
    deliver(&mut env, phone).unwrap();
    let bodies = bodies(&env);
    assert_eq!((&bodies[0]["recipient"], &bodies[0]["to"]), (&json!("BR.4KgQ2wJ8"), &Value::Null));
    assert_eq!((&bodies[1]["recipient"], &bodies[1]["to"]), (&Value::Null, &json!("62811")));
}

#[test]
fn an_answer_into_a_group_goes_to_the_group() {
    let mut env = env().respond_with(sent("wamid.new"));
    receive(&mut env, include_str!("../../fixtures/kinds.json")).unwrap();
    let delivery = Delivery { thread: Some("grp-1".into()), ..to("6281234567890", text("Hello all")) };
    deliver(&mut env, delivery).unwrap();
    assert_eq!((&bodies(&env)[0]["recipient_type"], &bodies(&env)[0]["to"]), (&json!("group"), &json!("grp-1")));
}

#[test]
fn parts_go_one_by_one_in_order_and_only_the_first_is_the_answer() {
    let count = Arc::new(Mutex::new(0));
    let mut env = env().respond(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        Ok(sent(&format!("wamid.{count}")))
    });
    let media = Media { url: Some("https://cdn.example/a".into()), caption: Some("words".into()), ..Media::default() };
    let by_id = Media { id: Some("55".into()), filename: Some("a.pdf".into()), ..Media::default() };
    let place = Location { latitude: 1.5, longitude: -2.0, name: None, address: None };
    let all = vec![Part::Image(media.clone()), Part::Audio(media), Part::File(by_id), Part::Location(place)];
    let receipt = deliver(&mut env, to("6281", parts(all))).unwrap();
    assert_eq!(receipt.message_ids, ["wamid.1", "wamid.2", "wamid.3", "wamid.4", "wamid.5"]);
    let bodies = bodies(&env);
    assert_eq!(bodies[0]["image"], json!({"link": "https://cdn.example/a", "caption": "words"}));
    assert_eq!(bodies[1]["audio"], json!({"link": "https://cdn.example/a"}));
    assert_eq!(bodies[2]["text"]["body"], "words");
    assert_eq!(bodies[3]["document"], json!({"id": "55", "filename": "a.pdf"}));
    assert_eq!(bodies[4]["location"], json!({"latitude": 1.5, "longitude": -2.0}));
    assert_eq!(bodies.iter().filter(|body| !body["context"].is_null()).count(), 1);
}

#[test]
fn a_failure_after_a_part_was_sent_is_uncertain() {
    let mut answers = vec![refused(500, 131_000), sent("wamid.1")];
    let mut env = env().respond(move |_| Ok(answers.pop().unwrap()));
    let two = parts(vec![Part::Text("a".into()), Part::Text("b".into())]);
    let Err(Failure::Uncertain(problem)) = deliver(&mut env, to("6281", two)) else { panic!("not uncertain") };
    assert!(problem.message.contains("1 of 2 parts were sent (wamid.1)"), "{}", problem.message);
}

#[test]
fn a_template_fills_its_places() {
    let mut env = env().respond_with(sent("wamid.t"));
    let template = Template {
        name: "order_update".into(),
        language: "id".into(),
        parameters: vec!["Sari".into(), "A-17".into()],
        extra: vec![Property::raw("components", r#"[{"type":"header","parameters":[]}]"#)],
    };
    deliver(&mut env, to("6281", Action::Template(template))).unwrap();
    let template = &bodies(&env)[0]["template"];
    assert_eq!((&template["name"], &template["language"]["code"]), (&json!("order_update"), &json!("id")));
    assert_eq!(template["components"][0]["parameters"][1], json!({"type": "text", "text": "A-17"}));
    assert_eq!(template["components"][1]["type"], "header");
}

#[test]
fn reactions_and_read_marks_make_no_message() {
    let mut env = env().respond_with(sent("wamid.r"));
    let reaction = send::Reaction { message_id: "wamid.in".into(), emoji: None };
    assert_eq!(deliver(&mut env, to("6281", Action::Reaction(reaction))).unwrap().message_ids, Vec::<String>::new());
    assert_eq!(
        deliver(&mut env, to("6281", Action::MarkRead("wamid.in".into()))).unwrap().message_ids,
        Vec::<String>::new()
    );
    let bodies = bodies(&env);
    assert_eq!(bodies[0]["reaction"], json!({"message_id": "wamid.in", "emoji": ""}));
    assert_eq!(bodies[1], json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.in"}));
}

#[test]
fn what_whatsapp_cannot_do_is_unsupported() {
    for action in
        [Action::Typing, Action::Call, Action::Delete("wamid.x".into()), Action::Other(Property::raw("dance", "{}"))]
    {
        assert!(matches!(deliver(&mut env(), to("6281", action)), Err(Failure::Unsupported(_))));
    }
}

#[test]
fn refusals_say_what_to_do_about_them() {
    type Check = fn(&Failure) -> bool;
    let table: [(Response, Check); 13] = [
        (refused(400, 131_047), |failure| matches!(failure, Failure::WindowClosed(_))),
        (refused(400, 131_026), |failure| matches!(failure, Failure::RecipientGone(_))),
        (refused(400, 131_050), |failure| matches!(failure, Failure::RecipientGone(_))),
        (refused(401, 190), |failure| matches!(failure, Failure::Credentials(_))),
        (refused(403, 200), |failure| matches!(failure, Failure::Credentials(_))),
        (refused(400, 130_429), |failure| matches!(failure, Failure::RateLimited((None, _)))),
        (refused(400, 131_056), |failure| matches!(failure, Failure::Retry((Some(6_000), _)))),
        (refused(500, 131_016), |failure| matches!(failure, Failure::Retry(_))),
        (refused(400, 132_001), |failure| matches!(failure, Failure::Rejected(_))),
        (refused(400, 100), |failure| matches!(failure, Failure::Rejected(_))),
        (Response::json(503, &Value::Null), |failure| matches!(failure, Failure::Retry(_))),
        (Response::json(504, &Value::Null), |failure| matches!(failure, Failure::Uncertain(_))),
        (Response::json(200, &json!({})), |failure| matches!(failure, Failure::Uncertain(_))),
    ];
    for (response, is_right) in table {
        let shown = format!("{response:?}");
        let failure = deliver(&mut env().respond_with(response), to("6281", text("x"))).unwrap_err();
        assert!(is_right(&failure), "{shown} became {failure:?}");
    }
}

#[test]
fn too_many_requests_say_how_long_to_wait() {
    let mut response = Response::json(429, &json!({}));
    response.headers.push(("retry-after".into(), b"7".to_vec()));
    let failure = deliver(&mut env().respond_with(response), to("6281", text("x"))).unwrap_err();
    assert!(matches!(failure, Failure::RateLimited((Some(7_000), _))));
}

#[test]
fn no_answer_is_uncertain_and_no_connection_is_tried_again() {
    let mut env = env().respond(|_| Err(http::Error::Unanswered("time ran out".into())));
    assert!(matches!(deliver(&mut env, to("6281", text("x"))), Err(Failure::Uncertain(_))));
    let mut env = env.respond(|_| Err(http::Error::Unsent("the connection was refused".into())));
    assert!(matches!(deliver(&mut env, to("6281", text("x"))), Err(Failure::Retry(_))));
}

#[test]
fn an_address_of_another_kind_is_rejected_without_a_call() {
    let mut env = env();
    let delivery = Delivery { to: Identifier::global("email", "a@example.org"), thread: None, action: text("x") };
    assert!(matches!(deliver(&mut env, delivery), Err(Failure::Rejected(_))));
    assert!(env.requests().is_empty());
}

#[test]
fn the_check_names_the_number() {
    let number =
        json!({"display_phone_number": "+62 811", "verified_name": "Toko", "quality_rating": "GREEN", "id": "700700"});
    let mut env = env().respond_with(Response::json(200, &number));
    assert_eq!(env.run(WhatsApp::check).unwrap().summary, "WhatsApp number +62 811, Toko, quality GREEN");
    assert_eq!(env.requests()[0].method, "GET");
    let mut broken = env.respond_with(refused(401, 190));
    assert!(matches!(broken.run(WhatsApp::check), Err(Failure::Credentials(_))));
}

#[test]
fn connecting_says_what_is_left_to_do() {
    let steps = env().run(|| WhatsApp::connect("https://desk.example/hooks/wa-main")).unwrap();
    assert!(steps[0].todo.as_ref().unwrap().contains("https://desk.example/hooks/wa-main"));
}

#[test]
fn a_base_url_without_a_scheme_is_a_problem() {
    let problems = |config: &str| WhatsApp::validate(config);
    assert_eq!(problems(r#"{"phone_number_id": "1"}"#), []);
    assert_eq!(problems(r#"{"phone_number_id": "1", "api_base": "graph.facebook.com"}"#).len(), 1);
    assert!(matches!(problems("{}").as_slice(), [Problem { .. }]));
}

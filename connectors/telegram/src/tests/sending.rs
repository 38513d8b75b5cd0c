use jackfield_sdk::http::{self, Response};
use jackfield_sdk::testing::Env;
use jackfield_sdk::{
    Action, Connector, Contact, Content, Delivery, EventBody, Failure, Identifier, Location, Media, Part, Property,
    Receipt, Subject, send,
};
use serde_json::{Value, json};

use super::{env, receive};
use crate::Telegram;

fn done(result: Value) -> Response {
    Response::json(200, &json!({"ok": true, "result": result}))
}

fn sent(chat: i64, number: i64) -> Response {
    done(json!({"message_id": number, "chat": {"id": chat}}))
}

fn refused(code: u16, description: &str, parameters: Value) -> Response {
    Response::json(
        code,
        &json!({"ok": false, "error_code": code, "description": description, "parameters": parameters}),
    )
}

fn to(chat: &str, action: Action) -> Delivery {
    Delivery { to: Identifier::scoped("telegram", "telegram", "7000000001"), thread: Some(chat.into()), action }
}

fn parts(parts: Vec<Part>, reply_to: Option<&str>) -> Action {
    Action::Message(Content { parts, reply_to: reply_to.map(ToOwned::to_owned) })
}

fn text(words: &str) -> Action {
    parts(vec![Part::Text(words.into())], None)
}

fn deliver(env: &mut Env, delivery: Delivery) -> Result<Receipt, Failure> {
    env.run(|| Telegram::send(delivery, "key-1"))
}

fn bodies(env: &Env) -> Vec<Value> {
    env.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

fn methods(env: &Env) -> Vec<&str> {
    env.requests().iter().map(|request| request.url.rsplit('/').next().unwrap()).collect()
}

#[test]
fn a_text_goes_to_the_chat_with_the_token_left_to_the_host() {
    let mut env = env().respond_with(sent(7_000_000_001, 31));
    let answer = parts(vec![Part::Text("Yes *two*".into())], Some("7000000001:10"));
    assert_eq!(deliver(&mut env, to("7000000001", answer)).unwrap().message_ids, ["7000000001:31"]);
    assert_eq!(env.requests()[0].url, "http://127.0.0.1:4000/bot{bot-token}/sendMessage");
    let reply = json!({"message_id": 10, "allow_sending_without_reply": true});
    assert_eq!(bodies(&env), [json!({"chat_id": 7_000_000_001_i64, "text": "Yes *two*", "reply_parameters": reply})]);
}

#[test]
fn every_kind_of_content_has_its_method() {
    let mut env = env().respond_with(sent(1, 2));
    let media = |mime: Option<&str>, caption: Option<String>| Media {
        url: Some("https://cdn.example/a".into()),
        mime: mime.map(ToOwned::to_owned),
        caption,
        ..Media::default()
    };
    let point = |name: Option<&str>| Location {
        latitude: 1.0,
        longitude: 2.0,
        name: name.map(ToOwned::to_owned),
        address: name.map(ToOwned::to_owned),
    };
    let card = Contact { name: "Budi".into(), identifiers: vec![Identifier::global("phone", "+62811")] };
    let all = vec![
        Part::Image(media(None, Some("short".into()))),
        Part::Video(media(None, Some("x".repeat(1025)))),
        Part::Audio(media(Some("audio/mpeg"), None)),
        Part::Audio(media(Some("audio/ogg; codecs=opus"), None)),
        Part::File(media(None, None)),
        Part::Sticker(Media { id: Some("stick".into()), ..Media::default() }),
        Part::Location(point(None)),
        Part::Location(point(Some("Monas"))),
        Part::Contact(card),
        Part::Other(Property::raw("sendDice", "{\"emoji\": \"🎲\"}")),
    ];
    assert_eq!(deliver(&mut env, to("1", parts(all, None))).unwrap().message_ids.len(), 11);
    let expected = [
        "sendPhoto",
        "sendVideo",
        "sendMessage",
        "sendAudio",
        "sendVoice",
        "sendDocument",
        "sendSticker",
        "sendLocation",
        "sendVenue",
        "sendContact",
        "sendDice",
    ];
    assert_eq!(methods(&env), expected);
    let bodies = bodies(&env);
    assert_eq!(bodies[0], json!({"chat_id": 1, "photo": "https://cdn.example/a", "caption": "short"}));
    assert_eq!(bodies[7], json!({"chat_id": 1, "latitude": 1.0, "longitude": 2.0}));
    assert_eq!(bodies[9], json!({"chat_id": 1, "phone_number": "+62811", "first_name": "Budi"}));
    assert!(bodies.iter().all(|body| body["chat_id"] == 1));
}

#[test]
fn edits_deletions_reactions_and_typing_are_about_the_message() {
    let mut env = env().respond_with(done(json!(true)));
    let content = |part: Part| Content { parts: vec![part], reply_to: None };
    let edit = |part: Part| Action::Edit(send::Edit { message_id: "1:31".into(), content: content(part) });
    let react = |emoji: Option<&str>| {
        Action::Reaction(send::Reaction { message_id: "1:10".into(), emoji: emoji.map(ToOwned::to_owned) })
    };
    let captioned = Media { caption: Some("new".into()), ..Media::default() };
    let actions = [
        edit(Part::Text("new".into())),
        edit(Part::Image(captioned)),
        Action::Delete("1:31".into()),
        react(Some("🔥")),
        react(None),
        Action::Typing,
    ];
    for action in actions {
        assert_eq!(deliver(&mut env, to("1", action)).unwrap(), Receipt::done());
    }
    let expected = [
        "editMessageText",
        "editMessageCaption",
        "deleteMessage",
        "setMessageReaction",
        "setMessageReaction",
        "sendChatAction",
    ];
    assert_eq!(methods(&env), expected);
    let bodies = bodies(&env);
    assert_eq!(bodies[0], json!({"chat_id": 1, "message_id": 31, "text": "new"}));
    assert_eq!(bodies[3]["reaction"], json!([{"type": "emoji", "emoji": "🔥"}]));
    assert_eq!(bodies[4]["reaction"], json!([]));
    let place = Part::Location(Location { latitude: 0.0, longitude: 0.0, name: None, address: None });
    assert!(matches!(deliver(&mut env, to("1", edit(place))), Err(Failure::Unsupported(_))));
}

#[test]
fn an_edit_that_changes_nothing_is_done() {
    let mut env =
        env().respond_with(refused(400, "Bad Request: message is not modified: specified new content", Value::Null));
    let content = Content { parts: vec![Part::Text("same".into())], reply_to: None };
    let edit = Action::Edit(send::Edit { message_id: "1:31".into(), content });
    assert_eq!(deliver(&mut env, to("1", edit)).unwrap(), Receipt::done());
}

#[test]
fn a_group_that_has_moved_is_followed_told_about_and_remembered() {
    let mut answers = vec![
        sent(-1009, 4),
        sent(-1009, 3),
        refused(400, "Bad Request: group chat was upgraded to a supergroup chat", json!({"migrate_to_chat_id": -1009})),
    ];
    let mut env = env().respond(move |_| Ok(answers.pop().unwrap()));
    let receipt = deliver(&mut env, to("-100", parts(vec![Part::Text("a".into())], Some("-100:7")))).unwrap();
    assert_eq!(receipt.message_ids, ["-1009:3"]);
    assert!(matches!(&receipt.events[0].body, EventBody::Other(news) if news.value.contains("-1009")));
    let receipt = deliver(&mut env, to("-100", text("b"))).unwrap();
    assert_eq!((receipt.message_ids.as_slice(), receipt.events.len()), (["-1009:4".to_owned()].as_slice(), 0));
    let chats: Vec<_> = bodies(&env).iter().map(|body| body["chat_id"].as_i64().unwrap()).collect();
    assert_eq!(chats, [-100, -1009, -1009]);
    assert_eq!(bodies(&env)[1]["reply_parameters"], Value::Null);
}

#[test]
fn a_chat_of_a_business_account_is_answered_by_its_connection() {
    let mut env = env().respond_with(sent(7_000_000_004, 42));
    let update = json!({"update_id": 30, "business_message": {"message_id": 40, "business_connection_id": "bc1",
        "from": {"id": 7_000_000_004_i64}, "chat": {"id": 7_000_000_004_i64, "type": "private"}, "text": "Oi"}});
    receive(&mut env, &update.to_string(), "hook-Secret_1").unwrap();
    deliver(&mut env, to("7000000004", text("Olá"))).unwrap();
    assert_eq!(bodies(&env)[0]["business_connection_id"], "bc1");
}

#[test]
fn refusals_say_what_to_do_about_them() {
    type Check = fn(&Failure) -> bool;
    let none = Value::Null;
    let table: [(Response, Check); 11] = [
        (refused(429, "Too Many Requests", json!({"retry_after": 14})), |failure| {
            matches!(failure, Failure::RateLimited((Some(14_000), _)))
        }),
        (refused(403, "Forbidden: bot was blocked by the user", none.clone()), |failure| {
            matches!(failure, Failure::RecipientGone(_))
        }),
        (refused(403, "Forbidden: user is deactivated", none.clone()), |failure| {
            matches!(failure, Failure::RecipientGone(_))
        }),
        (refused(401, "Unauthorized", none.clone()), |failure| matches!(failure, Failure::Credentials(_))),
        (refused(404, "Not Found", none.clone()), |failure| matches!(failure, Failure::Credentials(_))),
        (refused(400, "Bad Request: chat not found", none.clone()), |failure| matches!(failure, Failure::Rejected(_))),
        (refused(500, "Internal Server Error", none.clone()), |failure| matches!(failure, Failure::Retry(_))),
        (Response::json(502, &none), |failure| matches!(failure, Failure::Retry(_))),
        (Response::json(504, &none), |failure| matches!(failure, Failure::Uncertain(_))),
        (Response::json(200, &none), |failure| matches!(failure, Failure::Uncertain(_))),
        (done(json!({})), |failure| matches!(failure, Failure::Uncertain(_))),
    ];
    for (response, is_right) in table {
        let shown = format!("{response:?}");
        let failure = deliver(&mut env().respond_with(response), to("1", text("x"))).unwrap_err();
        assert!(is_right(&failure), "{shown} became {failure:?}");
    }
    let mut env = env().respond(|_| Err(http::Error::Unanswered("time ran out".into())));
    assert!(matches!(deliver(&mut env, to("1", text("x"))), Err(Failure::Uncertain(_))));
}

#[test]
fn what_telegram_cannot_do_is_refused_before_a_call() {
    let mut env = env();
    for action in [Action::MarkRead("1:2".into()), Action::Call] {
        assert!(matches!(deliver(&mut env, to("1", action)), Err(Failure::Unsupported(_))));
    }
    for action in [text(&"💻".repeat(2049)), Action::Delete("callback:77".into()), parts(vec![], None)] {
        assert!(matches!(deliver(&mut env, to("1", action)), Err(Failure::Rejected(_))));
    }
    let elsewhere = Delivery { to: Identifier::global("phone", "+1"), thread: None, action: text("x") };
    assert!(matches!(deliver(&mut env, elsewhere), Err(Failure::Rejected(_))));
    assert!(env.requests().is_empty());
}

#[test]
fn a_profile_is_a_claim() {
    let who = Identifier::scoped("telegram", "telegram", "7000000001");
    let mut env = env()
        .respond_with(done(json!({"id": 7_000_000_001_i64, "first_name": "Sari", "username": "sarid", "bio": "Tea"})));
    let hints = env.run(|| Telegram::hints(who.clone())).unwrap();
    assert_eq!(hints.len(), 3);
    assert_eq!(hints[2].about, Subject::Other(Property::text("bio", "Tea")));
    let mut unknown = env.respond_with(refused(400, "Bad Request: chat not found", Value::Null));
    assert_eq!(unknown.run(|| Telegram::hints(who)), Ok(vec![]));
}

#[test]
fn check_names_the_bot_and_connect_says_what_is_left() {
    let mut bot = env().respond_with(done(json!({"id": 1, "username": "shop_bot"})));
    assert_eq!(bot.run(Telegram::check).unwrap().summary, "Telegram bot @shop_bot");
    let mut registered = env().respond_with(done(json!({"url": "https://desk.example/hooks/tg-main"})));
    let todo = |env: &mut Env, url: &str| env.run(|| Telegram::connect(url)).unwrap()[0].todo.clone();
    assert_eq!(todo(&mut registered, "https://desk.example/hooks/tg-main"), None);
    assert!(todo(&mut registered, "https://desk.example/hooks/new").unwrap().contains("setWebhook"));
}

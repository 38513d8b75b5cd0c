use jackfield_sdk::testing;
use jackfield_sdk::{
    Author, Connector, DeliveryScope, DeliveryState, Event, EventBody, Failure, Hint, Identifier, Message, Outcome,
    Part, Subject, ThreadKind, Trust,
};

use super::{SECRET, env, receive};
use crate::WhatsApp;

const KINDS: &str = include_str!("../../fixtures/kinds.json");
const PEOPLE: &str = include_str!("../../fixtures/people.json");
const SIBLINGS: &str = include_str!("../../fixtures/siblings.json");
const STATUSES: &str = include_str!("../../fixtures/statuses.json");

fn read(body: &str) -> Outcome {
    receive(&mut env(), body).unwrap()
}

fn messages(outcome: &Outcome) -> Vec<&Message> {
    let message = |event: &'_ Event| matches!(event.body, EventBody::Message(_));
    let events = outcome.events.iter().filter(|event| message(event));
    events.map(|event| if let EventBody::Message(message) = &event.body { message } else { unreachable!() }).collect()
}

fn message<'a>(outcome: &'a Outcome, id: &str) -> &'a Message {
    messages(outcome).into_iter().find(|message| message.id == id).unwrap_or_else(|| panic!("no message {id}"))
}

fn body<'a>(outcome: &'a Outcome, id: &str) -> &'a EventBody {
    &outcome.events.iter().find(|event| event.id == id).unwrap_or_else(|| panic!("no event {id}")).body
}

fn whatsapp(value: &str) -> Identifier {
    Identifier::scoped("whatsapp", "900100", value)
}

#[test]
fn every_kind_of_a_batch_becomes_an_event() {
    let outcome = read(KINDS);
    assert_eq!(outcome.unreadable, []);
    assert_eq!(outcome.reply.status, 200);
    // 21 messages, an order as a touchpoint besides, two reactions, a deletion, an edit.
    assert_eq!((messages(&outcome).len(), outcome.events.len()), (21, 26));
    assert!(messages(&outcome).iter().all(|message| !message.parts.is_empty()));
}

#[test]
fn a_text_carries_its_time_what_it_answers_and_the_advertisement_it_came_from() {
    let outcome = read(KINDS);
    let text = message(&outcome, "wamid.text");
    assert_eq!(text.parts, [Part::Text("Where is my parcel? 📦".into())]);
    assert_eq!((text.sent_at, text.reply_to.as_deref()), (Some(1_760_000_000_000), Some("wamid.earlier")));
    assert_eq!((text.thread.id.as_str(), &text.thread.kind), ("6281234567890", &ThreadKind::Direct));
    assert_eq!(text.extra[0].name, "referral");
    assert!(text.extra[0].value.contains("\"ctwa_clid\":\"abc\""));
    let forwarded = message(&outcome, "wamid.forwarded");
    assert_eq!((forwarded.extra[0].name.as_str(), forwarded.reply_to.as_deref()), ("forwarded", None));
    assert_eq!(message(&outcome, "wamid.nobody").sent_at, None);
}

#[test]
fn media_come_by_id_with_the_hash_in_hexadecimal_and_without_a_url_that_needs_the_token() {
    let outcome = read(KINDS);
    let Part::Image(image) = &message(&outcome, "wamid.image").parts[0] else { panic!("no image") };
    assert_eq!(
        (image.id.as_deref(), image.caption.as_deref(), image.url.as_deref()),
        (Some("1001"), Some("The box"), None)
    );
    assert_eq!(image.sha256.as_deref(), Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    let Part::File(file) = &message(&outcome, "wamid.document").parts[0] else { panic!("no file") };
    assert_eq!((file.id.as_deref(), file.filename.as_deref()), (Some("1005"), Some("invoice.pdf")));
    assert!(matches!(message(&outcome, "wamid.oldvoice").parts[0], Part::Audio(_)));
    assert!(matches!(message(&outcome, "wamid.sticker").parts[0], Part::Sticker(_)));
    assert_eq!(message(&outcome, "wamid.voice").extra[0].name, "voice");
}

#[test]
fn places_contacts_and_buttons_have_their_forms() {
    let outcome = read(KINDS);
    let Part::Location(place) = &message(&outcome, "wamid.location").parts[0] else { panic!("no location") };
    assert_eq!((place.latitude, place.longitude, place.name.as_deref()), (-6.2, 106.8, Some("Monas")));
    let contacts = &message(&outcome, "wamid.contacts").parts;
    let Part::Contact(budi) = &contacts[0] else { panic!("no contact") };
    assert_eq!(budi.identifiers[0], Identifier::global("phone", "+628121111"));
    assert_eq!(budi.identifiers[2], Identifier::global("email", "budi@example.org"));
    assert_eq!(contacts.len(), 2);
    for (id, title, payload) in
        [("button", "Yes", "YES-1"), ("reply", "Track", "b1"), ("list", "Refund", "r1"), ("form", "Sent", "[1, 2]")]
    {
        let Part::Interaction(pressed) = &message(&outcome, &format!("wamid.{id}")).parts[0] else {
            panic!("no button {id}")
        };
        assert_eq!((pressed.title.as_str(), pressed.payload.as_deref()), (title, Some(payload)));
    }
}

#[test]
fn unknown_kinds_are_kept_as_other() {
    let outcome = read(KINDS);
    for (id, name) in
        [("newinteractive", "interactive"), ("unsupported", "unsupported"), ("poll", "poll_of_the_future")]
    {
        let Part::Other(kept) = &message(&outcome, &format!("wamid.{id}")).parts[0] else { panic!("{id} is no other") };
        assert_eq!(kept.name, name);
    }
    assert_eq!(message(&outcome, "wamid.untyped").parts, [Part::Text("No type".into())]);
}

#[test]
fn an_order_is_a_message_and_a_touchpoint() {
    let outcome = read(KINDS);
    let EventBody::Touchpoint(order) = body(&outcome, "order:wamid.order") else { panic!("no touchpoint") };
    assert_eq!(
        (order.kind.as_str(), order.summary.as_str()),
        ("order", "Order of 3 items from the catalogue, 25.00 USD")
    );
    assert_eq!(message(&outcome, "wamid.order").parts[0], Part::Text("Fast, please".into()));
}

#[test]
fn reactions_deletions_and_edits_name_their_message() {
    let outcome = read(KINDS);
    let EventBody::Reaction(put) = body(&outcome, "wamid.react") else { panic!("no reaction") };
    assert_eq!((put.message_id.as_str(), put.emoji.as_deref()), ("wamid.ours", Some("👍")));
    let EventBody::Reaction(taken) = body(&outcome, "wamid.unreact") else { panic!("no reaction") };
    assert_eq!(taken.emoji, None);
    let EventBody::Deletion(gone) = body(&outcome, "wamid.revoke") else { panic!("no deletion") };
    assert_eq!(gone.message_id, "wamid.text");
    let EventBody::Edit(edit) = body(&outcome, "wamid.edit") else { panic!("no edit") };
    assert_eq!((edit.message_id.as_str(), &edit.parts), ("wamid.text", &vec![Part::Text("Where is my order?".into())]));
}

#[test]
fn a_group_is_a_thread_of_its_own() {
    let outcome = read(KINDS);
    let group = message(&outcome, "wamid.group");
    assert_eq!((group.thread.id.as_str(), &group.thread.kind), ("grp-1", &ThreadKind::Group));
    assert_eq!(group.author.sender().identity, whatsapp("6281234567890"));
}

#[test]
fn a_phone_number_is_attested_and_a_name_is_claimed() {
    let outcome = read(KINDS);
    let Author::Customer(sender) = &message(&outcome, "wamid.text").author else { panic!("not the customer") };
    assert_eq!(sender.identity, whatsapp("6281234567890"));
    let phone = Subject::Identifier(Identifier::global("phone", "+6281234567890"));
    assert_eq!(sender.hints[0].about, phone);
    assert_eq!(sender.hints[0].trust, Trust::Attested);
    assert_eq!((&sender.hints[1].about, &sender.hints[1].trust), (&Subject::Name("Sari Dewi".into()), &Trust::Claimed));
}

#[test]
fn a_user_id_is_the_identity_wherever_it_stands() {
    let outcome = read(PEOPLE);
    let only = message(&outcome, "wamid.user-id-only");
    let sender = only.author.sender();
    assert_eq!((&sender.identity, only.thread.id.as_str()), (&whatsapp("BR.4KgQ2wJ8"), "BR.4KgQ2wJ8"));
    let claims = |hint: &Hint| (hint.trust == Trust::Claimed).then_some(hint.about.clone());
    let hints: Vec<_> = sender.hints.iter().filter_map(claims).collect();
    assert_eq!(hints, [Subject::Name("Ana Lima".into()), Subject::Username("analima".into())]);
    assert_eq!(sender.hints.len(), 2);

    let both = message(&outcome, "wamid.both").author.sender();
    assert_eq!(both.identity, whatsapp("BR.7bbb"));
    let attested: Vec<_> =
        both.hints.iter().filter(|hint| hint.trust == Trust::Attested).map(|hint| hint.about.clone()).collect();
    let phone = Subject::Identifier(Identifier::global("phone", "+5511900000002"));
    assert_eq!(attested, [phone, Subject::Identifier(whatsapp("5511900000002"))]);
    assert_eq!(both.hints[2].about, Subject::Name("Eva".into()));

    let inside = message(&outcome, "wamid.user-id-in-from").author.sender();
    assert_eq!(inside.identity, whatsapp("US.1234"));
    assert!(inside.hints.iter().all(|hint| hint.trust == Trust::Claimed));
}

#[test]
fn a_new_number_or_user_id_is_an_identity_change() {
    let outcome = read(PEOPLE);
    let pairs = [
        ("wamid.new-number", "6281111", "ID.new1"),
        ("wamid.new-number-old-form", "6283333", "6284444"),
        ("user_id_update:ID.old2:ID.new2", "ID.old2", "ID.new2"),
    ];
    for (id, old, new) in pairs {
        let EventBody::IdentityChange(change) = body(&outcome, id) else { panic!("{id} is no change") };
        assert_eq!((&change.old, &change.new), (&whatsapp(old), &whatsapp(new)));
    }
    assert!(matches!(body(&outcome, "wamid.only-new"), EventBody::Other(_)));
    assert_eq!(outcome.unreadable, []);
}

#[test]
fn what_was_typed_in_the_business_app_is_the_accounts() {
    let outcome = read(PEOPLE);
    let echo = message(&outcome, "wamid.echo");
    let Author::Account(sender) = &echo.author else { panic!("not the account") };
    assert_eq!((&sender.identity, echo.thread.id.as_str()), (&whatsapp("6285555"), "6285555"));
}

#[test]
fn statuses_are_news_of_deliveries() {
    let outcome = read(STATUSES);
    let state = |id: &str| {
        let EventBody::Delivery(update) = body(&outcome, id) else { panic!("{id} is no delivery") };
        update.clone()
    };
    let read = state("status:wamid.out1:read:6281234567890");
    assert_eq!((&read.about, &read.state), (&DeliveryScope::Message("wamid.out1".into()), &DeliveryState::Read));
    assert_eq!(read.at, Some(1_760_000_202_000));
    assert_eq!(state("status:wamid.out1:sent:6281234567890").state, DeliveryState::Sent);
    assert_eq!(state("status:wamid.out1:delivered:6281234567890").state, DeliveryState::Delivered);
    assert_eq!(state("status:wamid.out2:played:BR.4KgQ2wJ8").state, DeliveryState::Read);
    let DeliveryState::Failed(problem) = state("status:wamid.out3:failed:6281234567890").state else {
        panic!("not failed")
    };
    assert_eq!(
        (problem.message.as_str(), problem.code.as_deref()),
        ("More than 24 hours have passed.", Some("131047"))
    );
    assert!(matches!(state("status:wamid.out4:failed:").state, DeliveryState::Failed(_)));
    assert_eq!(state("status:wamid.out5:in_orbit:").state, DeliveryState::Other("in_orbit".into()));
    assert_eq!(outcome.unreadable.len(), 1);
}

#[test]
fn a_malformed_item_takes_no_sibling_with_it() {
    let mut env = env();
    let outcome = receive(&mut env, SIBLINGS).unwrap();
    let ids: Vec<_> = messages(&outcome).iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["wamid.good1", "wamid.half", "wamid.good2", "wamid.good3"]);
    assert_eq!(message(&outcome, "wamid.half").parts, [Part::Text("half an emoji \u{fffd}".into())]);
    let reasons: Vec<_> = outcome.unreadable.iter().map(|item| item.reason.as_str()).collect();
    assert_eq!(reasons.len(), 6, "{reasons:?}");
    assert!(outcome.unreadable.iter().any(|item| item.raw == b"\"not even an object\""));
    assert!(matches!(body(&outcome, "status:wamid.out1:delivered:"), EventBody::Delivery(_)));
    let others = outcome.events.iter().filter_map(|event| match &event.body {
        EventBody::Other(kept) => Some(kept.name.as_str()),
        _ => None,
    });
    let others: Vec<_> = others.collect();
    assert_eq!(others, ["another-number", "account_update", "errors"]);
    assert!(env.log().iter().any(|line| line.contains("999")));
}

#[test]
fn a_body_that_is_no_json_is_rejected_and_foreign_json_is_kept() {
    assert!(matches!(receive(&mut env(), "{\"entry\":"), Err(Failure::Rejected(_))));
    for foreign in ["[]", "7", "{}", "{\"object\":\"page\"}", "{\"entry\":{}}", "{\"entry\":[7]}"] {
        let outcome = read(foreign);
        assert_eq!((outcome.reply.status, outcome.unreadable.len(), outcome.events.len()), (200, 1, 0), "{foreign}");
    }
}

#[test]
fn a_request_without_a_genuine_signature_is_unauthenticated() {
    let unsigned = testing::post("/hooks/wa-main", KINDS);
    assert!(matches!(env().run(|| WhatsApp::receive(unsigned)), Err(Failure::Unauthenticated(_))));
    let mut rewritten = testing::post("/hooks/wa-main", "{\"entry\": []}");
    testing::sign_hub(&mut rewritten, SECRET);
    rewritten.body = b"{\"entry\":[]}".to_vec();
    assert!(matches!(env().run(|| WhatsApp::receive(rewritten)), Err(Failure::Unauthenticated(_))));
}

#[test]
fn the_handshake_is_answered() {
    let request = testing::get("/hooks/wa-main?hub.mode=subscribe&hub.verify_token=agreed&hub.challenge=1158201444");
    let outcome = env().run(|| WhatsApp::receive(request)).unwrap();
    assert_eq!((outcome.reply.status, outcome.reply.body), (200, b"1158201444".to_vec()));
}

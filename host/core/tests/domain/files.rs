//! The files of messages: wanted once, kept or given up, and never another message's.

use crate::support::{Desk, channel, sender, text, with_parts};
use jackfield_core::event::{Event, EventBody, Media, Part, Problem};
use jackfield_core::fact::{Attachment, Fact};
use jackfield_core::files::view as files;
use jackfield_core::ids::{MessageId, Millis, Seq};

fn image(id: &str) -> Part {
    let (url, mime, filename) = (None, Some("image/png".into()), None);
    Part::Image(Media { id: Some(id.into()), url, mime, filename, size: None, sha256: None, caption: None })
}

fn pictures(id: &str, parts: Vec<Part>) -> Event {
    with_parts(text(id, sender("whatsapp", "62811", vec![]), ""), parts)
}

/// A message with one picture.
fn picture(desk: &mut Desk) -> MessageId {
    desk.receive("wa", vec![pictures("m-1", vec![Part::Text { text: "see".into() }, image("F1")])]);
    MessageId::new(Seq(desk.journal.len() as u64), 0)
}

fn stored(message: MessageId, part: u16, sha256: &str) -> Fact {
    brought("F1", message, part, sha256)
}

fn brought(reference: &str, message: MessageId, part: u16, sha256: &str) -> Fact {
    let reference = Some(reference.to_owned());
    let attachment = Attachment { sha256: sha256.into(), size: 3, mime: None, filename: None };
    Fact::AttachmentStored { channel: channel("wa"), message, part, reference, attachment, source: None, state: vec![] }
}

fn missed(message: MessageId, again: Option<Millis>) -> Fact {
    let problem = Problem { message: "not now".into(), code: None };
    Fact::AttachmentMissed { channel: channel("wa"), message, part: 1, reference: Some("F1".into()), again, problem }
}

fn wanted(desk: &Desk) -> Vec<(MessageId, u16, u32)> {
    let rows = files::due(&desk.tables, &channel("wa"), Millis(u64::MAX), 10).unwrap().0;
    rows.into_iter().map(|row| (row.message, row.part, row.attempts)).collect()
}

fn state(desk: &Desk, message: MessageId) -> String {
    desk.message(message)["parts"][1]["attachment"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_that_comes_in_is_wanted_until_it_is_kept() {
    let mut desk = Desk::new();
    let message = picture(&mut desk);
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![(message, 1, 0)], "waiting"));
    desk.apply(stored(message, 1, "aa"));
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![], "kept"));
    let shown = desk.message(message)["parts"][1]["attachment"].clone();
    assert_eq!((&shown["sha256"], &shown["size"]), (&"aa".into(), &3.into()));
    assert_eq!(shown["href"], format!("/v1/messages/{message}/attachments/1"));
}

#[test]
fn a_file_that_does_not_come_is_tried_again_and_given_up_with_the_reason() {
    let mut desk = Desk::new();
    let message = picture(&mut desk);
    desk.apply(missed(message, Some(Millis(desk.now + 60_000))));
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![(message, 1, 1)], "waiting"));
    desk.apply(missed(message, None));
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![], "gone"));
    assert_eq!(desk.message(message)["parts"][1]["attachment"]["problem"]["message"], "not now");
    // Somebody asked for it all the same, and it came.
    desk.apply(stored(message, 1, "aa"));
    assert_eq!(state(&desk, message), "kept");
    desk.apply(missed(message, None));
    assert_eq!(state(&desk, message), "kept", "news that is late changes nothing");
}

#[test]
fn an_edit_wants_the_new_file_and_forgets_the_old_one() {
    let mut desk = Desk::new();
    let message = picture(&mut desk);
    desk.apply(stored(message, 1, "aa"));
    let edit = |parts| Event { id: String::new(), body: EventBody::Edit { message_id: "m-1".into(), at: None, parts } };
    desk.receive("wa", vec![edit(vec![Part::Text { text: "look".into() }, image("F1")])]);
    assert_eq!(state(&desk, message), "kept", "the same file");
    desk.receive("wa", vec![edit(vec![Part::Text { text: "look".into() }, image("F2")])]);
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![(message, 1, 0)], "waiting"));
    // A fetch of the old one that ended late.
    desk.apply(stored(message, 1, "aa"));
    desk.apply(missed(message, None));
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![(message, 1, 0)], "waiting"));
    desk.apply(brought("F2", message, 1, "bb"));
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![], "kept"));
}

#[test]
fn the_file_of_a_message_that_was_taken_back_is_not_wanted_any_more() {
    let mut desk = Desk::new();
    let message = picture(&mut desk);
    desk.receive(
        "wa",
        vec![Event { id: String::new(), body: EventBody::Deletion { message_id: "m-1".into(), at: None } }],
    );
    assert_eq!(wanted(&desk), []);
    assert!(files::file(&desk.tables, message, 1).unwrap().is_none());
}

#[test]
fn no_connector_can_pass_off_a_file_of_the_host_as_its_own() {
    let mut desk = Desk::new();
    let own =
        Media { id: None, url: None, mime: None, filename: None, size: None, sha256: Some("aa".into()), caption: None };
    desk.receive("wa", vec![pictures("m-1", vec![Part::Text { text: "see".into() }, Part::Image(own)])]);
    let message = MessageId::new(Seq(desk.journal.len() as u64), 0);
    assert_eq!((wanted(&desk), state(&desk, message).as_str()), (vec![], "elsewhere"));
    assert!(desk.message(message)["parts"][1]["attachment"]["sha256"].is_null());
}

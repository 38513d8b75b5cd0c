//! Whoever is erased, from whatever history.

use super::{body, cursor, ended, erase, in_group, phone, reacts, request, sent_as};
use crate::support::{Desk, hint, named, sender, text};
use jackfield_core::conversation::rows::MESSAGES;
use jackfield_core::event::{EventBody, Problem, Trust};
use jackfield_core::fact::{Fact, Idempotency, Outcome, SendResult};
use jackfield_core::identity::links;
use jackfield_core::identity::rows::{CUSTOMERS, IDENTITIES};
use jackfield_core::ids::{CustomerId, IdentityId, MessageId};
use jackfield_core::views::operations;

/// Numbers at random, by a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % n
    }
}

/// A history at random: people on several channels who write alone and in groups, in batches, claim each other's numbers, are merged and
/// taken apart, get answers that are sent or not.
fn history(dice: &mut Dice, facts: u64) -> Desk {
    let mut desk = Desk::new();
    let mut count = 0_u64;
    let number = |person: u64| format!("+62812345678{person:02}");
    let mut known: Vec<MessageId> = Vec::new();
    let mut externals: Vec<String> = Vec::new();
    for _ in 0..facts {
        let any = |dice: &mut Dice, desk: &Desk| -> Option<IdentityId> {
            let all: Vec<IdentityId> =
                IDENTITIES.scan(&desk.tables, IDENTITIES.all(), false).map(|row| row.unwrap().1.id).collect();
            (!all.is_empty()).then(|| all[usize::try_from(dice.below(all.len() as u64)).unwrap()])
        };
        match dice.below(13) {
            12 => {
                let open = links::suggestions(&desk.tables, None, None, 200).unwrap().items;
                if !open.is_empty() {
                    let one = &open[usize::try_from(dice.below(open.len() as u64)).unwrap()];
                    let says_whom = dice.below(2) == 0;
                    desk.apply(Fact::SuggestionDecided {
                        suggestion: one.id,
                        claimant: says_whom.then_some(one.claimant.identity),
                        target: says_whom.then_some(one.target.identity),
                        accept: dice.below(2) == 0,
                        reason: "because".into(),
                        idempotency: None,
                    });
                }
            }
            0..=5 => {
                let mut events = Vec::new();
                for _ in 0..=dice.below(3) {
                    let person = dice.below(7);
                    let on_chat = dice.below(2) == 0;
                    let mut hints = vec![named(&format!("Person {person}"))];
                    match dice.below(4) {
                        0 if on_chat => hints.push(hint("phone", &number(person), Trust::Attested)),
                        1 => hints.push(hint("phone", &number(dice.below(9)), Trust::Claimed)),
                        2 if on_chat => {
                            hints.push(hint("email", &format!("mail{}@example.com", dice.below(9)), Trust::Attested))
                        }
                        _ => {}
                    }
                    let who = if on_chat {
                        sender("chat", &format!("chat-{person}"), hints)
                    } else {
                        sender("phone", &number(person), hints)
                    };
                    count += 1;
                    let id = format!("ext-{count}");
                    match dice.below(8) {
                        0 if !externals.is_empty() => {
                            let target =
                                externals[usize::try_from(dice.below(externals.len() as u64)).unwrap()].clone();
                            events.push(body(EventBody::Reaction {
                                message_id: target,
                                sender: who,
                                emoji: Some("yes".into()),
                                at: None,
                            }));
                        }
                        1 => events.push(body(EventBody::Touchpoint {
                            sender: who,
                            kind: "order".into(),
                            at: None,
                            summary: format!("order {count}"),
                            extra: vec![],
                        })),
                        2 => events.push(in_group(text(&id, who, &format!("text {count}")), "group")),
                        3 if !externals.is_empty() => {
                            // It came before.
                            let again = externals[usize::try_from(dice.below(externals.len() as u64)).unwrap()].clone();
                            events.push(text(&again, who, "a repetition"));
                        }
                        _ => events.push(text(&id, who, &format!("text {count}"))),
                    }
                    externals.push(id);
                }
                desk.receive(["wa", "tg"][usize::try_from(dice.below(2)).unwrap()], events);
            }
            6 | 7 => {
                if let Some(id) = any(dice, &desk) {
                    let words = format!(
                        "reply {}",
                        if dice.below(4) > 0 { String::from("that fits") } else { "long".repeat(50) }
                    );
                    let mut fact = request(id.into(), &words, None, None);
                    if let Fact::MessageRequested { idempotency, .. } = &mut fact {
                        let (key, request) = (format!("key-{}", dice.below(4)), format!("{id} {words}"));
                        *idempotency = (dice.below(2) == 0).then_some(Idempotency { key, request });
                    }
                    let outcome = desk.apply(fact);
                    if let Outcome::Queued { message, .. } = outcome {
                        known.push(message);
                    }
                }
            }
            8 => {
                if let (Some(a), Some(b)) = (any(dice, &desk), any(dice, &desk)) {
                    desk.apply(Fact::MergeRequested {
                        a: a.into(),
                        b: b.into(),
                        reason: "because".into(),
                        idempotency: None,
                    });
                }
            }
            9 => {
                if let Some(id) = any(dice, &desk) {
                    desk.apply(Fact::UnlinkRequested {
                        customer: id.into(),
                        identity: id,
                        reason: "because".into(),
                        idempotency: None,
                    });
                }
            }
            _ => {
                if let Some(message) = known.pop() {
                    count += 1;
                    let external = format!("out-{count}");
                    attempt(dice, &mut desk, message, &external);
                    externals.push(external);
                }
            }
        }
    }
    desk
}

/// An attempt to send a message, with reactions before and behind the channel's id of it, what its answer brings besides, and an end
/// that is refused.
fn attempt(dice: &mut Dice, desk: &mut Desk, message: MessageId, external: &str) {
    let Some(on) = MESSAGES.get(&desk.tables, (message,)).unwrap().map(|row| row.channel) else { return };
    let somebody = |dice: &mut Dice| match dice.below(2) {
        0 => phone(&format!("+62812345678{:02}", dice.below(9))),
        _ => sender("chat", &format!("chat-{}", dice.below(9)), vec![]),
    };
    if desk.apply(Fact::SendStarted { message, attempt: 1 }) != Outcome::Done {
        return;
    }
    for _ in 0..dice.below(3) {
        let early = reacts(somebody(dice), external);
        desk.receive(on.as_str(), vec![early]);
    }
    let besides = |dice: &mut Dice, word: &str| match dice.below(3) {
        0 => vec![text(&format!("{word}-{external}"), somebody(dice), word)],
        _ => vec![],
    };
    let problem = Problem { message: "no".into(), code: None };
    let result = match dice.below(6) {
        0 => SendResult::Credentials { problem },
        1 => SendResult::Uncertain { problem },
        2 => return,
        _ => sent_as(external),
    };
    let events = besides(dice, "besides");
    desk.apply(ended(message, result, events, cursor(external)));
    if dice.below(3) == 0 {
        let events = besides(dice, "refused");
        let refused = desk.apply(ended(message, sent_as("twice"), events, cursor("refused")));
        assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    }
    let late = reacts(somebody(dice), external);
    desk.receive(on.as_str(), vec![late]);
}

#[test]
fn whoever_is_erased_from_whatever_history_everybody_else_is_as_before() {
    for seed in 1..=24 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15) | 1);
        let mut desk = history(&mut dice, 60);
        for _ in 0..2 {
            let all: Vec<CustomerId> =
                CUSTOMERS.scan(&desk.tables, CUSTOMERS.all(), false).map(|row| row.unwrap().0.0).collect();
            let who = all[usize::try_from(dice.below(all.len() as u64)).unwrap()];
            let members = CUSTOMERS.get(&desk.tables, (who,)).unwrap().unwrap().members;
            let values: Vec<String> =
                members.iter().map(|id| IDENTITIES.get(&desk.tables, (*id,)).unwrap().unwrap().value).collect();
            println!("seed {seed}, {who}, {values:?}");
            let left = erase(&mut desk, who);
            let taken: Vec<String> = IDENTITIES
                .scan(&left.tables, IDENTITIES.all(), false)
                .map(|row| row.unwrap().1)
                .filter(|row| row.erased.is_none())
                .map(|row| row.value)
                .collect();
            for value in values.iter().filter(|value| !taken.contains(value)) {
                assert!(!left.holds(value), "{value}");
            }
            (desk.journal, desk.tables) = (left.journal, left.tables);
            let erasure = operations::open_erasure(&desk.tables).unwrap().unwrap().seq;
            desk.apply(Fact::ErasureEnded { erasure });
            assert!(operations::open_erasure(&desk.tables).unwrap().is_none());
        }
    }
}

//! Every bound of the domain, in one place. The sandbox refuses what is over those of ids and words, by the same constants.
//!
//! What comes from outside is cut to these bounds before it becomes part of a fact (see [`canonical`](crate::canonical)), which says
//! what was cut; what rows may hold is bounded where a fact is applied, and what is over a bound is counted. A bound never costs the rest
//! of a message. Numbers without a source are guesses: generous for people, small for a machine.

/// Events of one call. The sandbox refuses a call that emits more.
pub const EVENTS: usize = 2_000;
/// Items of one call that could not be read and are parked one by one: as many as it may bring, and every event that keeps to no bound.
pub const UNREADABLE: usize = 2 * EVENTS;
/// Parts of a message. Albums have 10, mail has more.
pub const PARTS: usize = 100;
/// Bytes of the text of a part. WhatsApp takes 4 KiB, mail has more.
pub const TEXT: usize = 128 << 10;
/// Bytes of the parts of a message together, as they stand in its row. A client's request has as many, a connector's answer four times
/// that; a row is written as a whole whenever anything about its message changes.
pub const MESSAGE_BYTES: usize = 1 << 20;
/// Bytes of the identifier of a person, a message, a thread. What is longer identifies nothing: cut, two of them could be one.
pub const VALUE: usize = 512;
/// Bytes of the namespace of an identifier. One with a longer namespace identifies nobody.
pub const NAMESPACE: usize = 256;
/// Bytes of the kind of an identifier.
pub const KIND: usize = 32;
/// Bytes of a word: the kind of a thread, of a touchpoint, the name of a property.
pub const WORD: usize = 64;
/// Bytes of one value of a profile, of a sentence, of a URL's caption.
pub const PROFILE_VALUE: usize = 1 << 10;
/// Bytes of a URL or of a provider's id of a file.
pub const REFERENCE: usize = 4 << 10;
/// Hints of one sender.
pub const HINTS: usize = 32;
/// Fields of the profile of an identity. Name, username, avatar and language are never pushed out by others.
pub const PROFILE_FIELDS: usize = 32;
/// Properties beside the known fields of a message, a touchpoint, a call.
pub const PROPERTIES: usize = 64;
/// Bytes of one of these.
pub const PROPERTY_VALUE: usize = 16 << 10;
/// Bytes of all of these together.
pub const PROPERTIES_BYTES: usize = 64 << 10;
/// Addresses of a contact card.
pub const CONTACT_IDENTIFIERS: usize = 32;
/// Provider's ids of one message.
pub const EXTERNAL_IDS: usize = 32;

/// Identities of a customer. A person has fewer; a mistake has more.
pub const IDENTITIES: usize = 50;
/// Channels that an identity was seen on.
pub const CHANNELS_OF_IDENTITY: usize = 64;
/// Kinds of threads that are remembered of an identity on a channel.
pub const THREAD_KINDS: usize = 8;
/// Claims of one address that are kept from senders whom a provider vouches for. Further ones are counted.
pub const CLAIMS_VERIFIED: u32 = 50;
/// Claims of one address that are kept from anybody. Further ones are counted.
pub const CLAIMS_UNVERIFIED: u32 = 20;
/// Open suggestions about one identity from senders whom a provider vouches for. Further ones are counted.
pub const SUGGESTIONS_VERIFIED: u32 = 20;
/// Open suggestions about one identity from anybody. Further ones are counted.
pub const SUGGESTIONS_UNVERIFIED: u32 = 10;
/// Suggestions that one identity makes as the claimant, ever. People name a few addresses of their own; whoever names hundreds goes through
/// a list. Further ones are counted.
pub const SUGGESTIONS_BY_CLAIMANT: u32 = 100;
/// Links of one identity that are looked at where claims are shown.
pub const LINKS: usize = 500;
/// Distinct issuers that have to prove an address to be theirs before it is taken for a shared one.
pub const SHARED_BY: usize = 8;
/// Proofs that one issuer counts for, at most, towards [`SHARED_BY`].
pub const SHARED_BY_ONE_ISSUER: usize = 4;

/// Reactions on a message. A viral post has more; the oldest go, and are counted.
pub const REACTIONS: usize = 200;
/// Steps of a delivery; the latest are kept.
pub const HISTORY: usize = 100;
/// Updates that are kept of a message that has not come.
pub const EARLY: usize = 16;
/// Messages that one read mark of a thread is about: what was just sent. Older ones have updates of their own by then.
pub const READ_MARK: usize = 200;

/// Entries of a timeline that are looked at when a message leaves it. Each may be a large message.
pub const RECALLED: usize = 16;
/// Deliveries that the read marks of one fact move. Further ones have updates of their own.
pub const READ_MARKS_PER_FACT: usize = 2_000;
/// Identities that hints may make in one fact. Further hints of the fact are ignored, and counted.
pub const IDENTITIES_BY_HINTS: usize = 4_096;
/// Suggestions that one fact may make. Further ones are counted.
pub const SUGGESTIONS_PER_FACT: usize = 4_096;
/// Public events of one fact. Further ones are counted.
pub const PUBLIC_EVENTS: usize = 4_096;

/// Bytes of a profile, with what its fields say of where they came from. Over it the oldest fields go but for name, username, avatar and
/// language, and are counted.
pub const PROFILE_BYTES: usize = 8 << 10;
/// Bytes of the words for why a field of a profile is believed.
pub const PROFILE_EVIDENCE: usize = 200;
/// Bytes that a fact may have read and written when it goes on to look at messages that are there, which may be large: to change them, to
/// stand behind what they answer, to take note that they were read. Further changes of the fact are left out, and counted, so that what
/// else it brings counts. What it looked at is written once more at the end.
pub const CHANGES_BYTES: u64 = 32 << 20;

/// The longest that a channel sends nothing because its provider asked for that, milliseconds: an hour. A provider that means a day is asked
/// 24 times.
pub const PAUSE_MS: u64 = 60 * 60 * 1_000;

/// Rows that applying one fact may read and write. The other bounds keep every fact far below it; a fact that reaches it has met a
/// defect, and is skipped.
pub const WORK_ROWS: u64 = 500_000;
/// Bytes that applying one fact may read and write. What is read may be held, and what is written is held until it is stored, so this
/// bounds the memory that a fact takes: a host with 512 MiB bears it. Arbitrary facts came to less than a tenth of it, and the dearest that
/// tests make, two thousand senders with full profiles in one call, to two thirds.
pub const WORK_BYTES: u64 = 96 << 20;

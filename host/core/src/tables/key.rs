//! Keys of rows, put together from typed elements.
//!
//! Ids and numbers are written big end first, so keys sort by age; a text ends with a zero byte, with the bytes 0 and 1 escaped, so no
//! text runs into the next element and no two texts are written alike.

use std::ops::Bound;

use crate::ids::{
    ChannelId, CustomerId, IdentityId, KeyId, MessageId, Millis, ParkedId, Seq, SuggestionId, TouchpointId,
};

/// A range of written keys.
pub type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// A text in a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(pub String);

/// The last element of a key: everything that is left, as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rest(pub Vec<u8>);

/// An element of a key, read back.
pub trait Element: Sized {
    /// Takes the element off the front of a written key.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// Something that can stand for an element.
pub trait As<E> {
    /// Writes the element.
    fn write(&self, key: &mut Vec<u8>);
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (front, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*front)
}

macro_rules! fixed {
    ($($id:ty => $to:expr, $from:expr;)*) => {$(
        impl Element for $id {
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                take(bytes).map($from)
            }
        }

        impl As<$id> for $id {
            fn write(&self, key: &mut Vec<u8>) {
                key.extend_from_slice(&$to(*self));
            }
        }
    )*};
}

fixed! {
    IdentityId => IdentityId::to_bytes, IdentityId::from_bytes;
    CustomerId => CustomerId::to_bytes, CustomerId::from_bytes;
    MessageId => MessageId::to_bytes, MessageId::from_bytes;
    SuggestionId => SuggestionId::to_bytes, SuggestionId::from_bytes;
    ParkedId => ParkedId::to_bytes, ParkedId::from_bytes;
    TouchpointId => TouchpointId::to_bytes, TouchpointId::from_bytes;
    KeyId => KeyId::to_bytes, KeyId::from_bytes;
    Seq => |seq: Seq| seq.0.to_be_bytes(), |bytes| Seq(u64::from_be_bytes(bytes));
    Millis => |at: Millis| at.0.to_be_bytes(), |bytes| Millis(u64::from_be_bytes(bytes));
    u16 => u16::to_be_bytes, u16::from_be_bytes;
    u8 => u8::to_be_bytes, u8::from_be_bytes;
}

impl Element for Text {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|b| *b == 0)?;
        let (written, rest) = (bytes.get(..end)?, bytes.get(end + 1..)?);
        *bytes = rest;
        let mut text = Vec::with_capacity(written.len());
        let mut escaped = false;
        for byte in written {
            match (escaped, byte) {
                (true, 1..=2) => text.push(byte - 1),
                (true, _) => return None,
                (false, 1) => {}
                (false, byte) => text.push(*byte),
            }
            escaped = !escaped && *byte == 1;
        }
        String::from_utf8(text).ok().map(Self)
    }
}

impl As<Text> for &str {
    fn write(&self, key: &mut Vec<u8>) {
        for byte in self.bytes() {
            match byte {
                0 | 1 => key.extend_from_slice(&[1, byte + 1]),
                byte => key.push(byte),
            }
        }
        key.push(0);
    }
}

impl As<Text> for &String {
    fn write(&self, key: &mut Vec<u8>) {
        As::<Text>::write(&self.as_str(), key);
    }
}

impl Element for ChannelId {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Text::read(bytes)?.0.parse().ok()
    }
}

impl As<ChannelId> for &ChannelId {
    fn write(&self, key: &mut Vec<u8>) {
        As::<Text>::write(&self.as_str(), key);
    }
}

impl Element for Rest {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self(std::mem::take(bytes).to_vec()))
    }
}

impl As<Rest> for &[u8] {
    fn write(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(self);
    }
}

/// A whole key of the shape `K`.
pub trait Key<K> {
    /// Writes it.
    fn write(&self, key: &mut Vec<u8>);
}

impl Key<()> for () {
    fn write(&self, _: &mut Vec<u8>) {}
}

/// The first elements of a key of the shape `K`.
pub trait Prefix<K> {
    /// Writes them.
    fn write(&self, key: &mut Vec<u8>);
}

impl<K> Prefix<K> for () {
    fn write(&self, _: &mut Vec<u8>) {}
}

macro_rules! key {
    ($($e:ident $x:ident $i:tt),+) => {
        impl<$($e,)+ $($x: As<$e>),+> Key<($($e,)+)> for ($($x,)+) {
            fn write(&self, key: &mut Vec<u8>) {
                $(self.$i.write(key);)+
            }
        }

        impl<$($e: Element),+> Element for ($($e,)+) {
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(($($e::read(bytes)?,)+))
            }
        }
    };
}

macro_rules! prefix {
    (($($e:ident),+) begins with $($pe:ident $px:ident $pi:tt),+) => {
        impl<$($e,)+ $($px: As<$pe>),+> Prefix<($($e,)+)> for ($($px,)+) {
            fn write(&self, key: &mut Vec<u8>) {
                $(self.$pi.write(key);)+
            }
        }
    };
}

key!(A X 0);
key!(A X 0, B Y 1);
key!(A X 0, B Y 1, C Z 2);
key!(A X 0, B Y 1, C Z 2, D W 3);
prefix!((A) begins with A X 0);
prefix!((A, B) begins with A X 0);
prefix!((A, B) begins with A X 0, B Y 1);
prefix!((A, B, C) begins with A X 0);
prefix!((A, B, C) begins with A X 0, B Y 1);
prefix!((A, B, C) begins with A X 0, B Y 1, C Z 2);
prefix!((A, B, C, D) begins with A X 0);
prefix!((A, B, C, D) begins with A X 0, B Y 1);
prefix!((A, B, C, D) begins with A X 0, B Y 1, C Z 2);
prefix!((A, B, C, D) begins with A X 0, B Y 1, C Z 2, D W 3);

/// Every key that begins with these bytes.
#[must_use]
pub fn beginning_with(bytes: Vec<u8>) -> Range {
    let mut end = bytes.clone();
    while let Some(last) = end.last_mut() {
        if *last < 0xff {
            *last += 1;
            return (Bound::Included(bytes), Bound::Excluded(end));
        }
        end.pop();
    }
    (Bound::Included(bytes), Bound::Unbounded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(a: &str, b: &str) -> Vec<u8> {
        let mut key = Vec::new();
        Key::<(Text, Text)>::write(&(a, b), &mut key);
        key
    }

    proptest! {
        #[test]
        fn a_key_reads_back_as_it_was_written_and_sorts_like_its_texts(a in "[\\x00-\\x02ab]{0,4}", b in "[\\x00-\\x02ab]{0,4}", c in "[\\x00-\\x02ab]{0,4}") {
            let key = written(&a, &b);
            let read = <(Text, Text)>::read(&mut key.as_slice()).unwrap();
            prop_assert_eq!((read.0.0.as_str(), read.1.0.as_str()), (a.as_str(), b.as_str()));
            prop_assert_eq!(written(&a, &b).cmp(&written(&c, &b)), a.cmp(&c));
        }
    }
}

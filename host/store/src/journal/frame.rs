//! The bytes of a segment.
//!
//! A segment begins with 32 bytes: `JACKFIELDJOURNAL`, the format's version (u32), the number of its first fact (u64), and the CRC-32 of
//! these 28 bytes (u32). Frames follow, one for each batch that was synced together: 24 bytes (`F5 4A 46 31`, the length of the payload
//! (u32), the number of its first fact (u64), how many there are (u32), the CRC-32 of the 20 bytes before and the payload (u32)) and
//! the payload: one line of JSON for each fact, ended by a line feed. All numbers are little end first.
//!
//! The first byte of a frame's mark never occurs in UTF-8, so no payload can look like a frame, whatever a customer writes.

use jackfield_core::ids::Seq;

/// The length of a segment's head in bytes.
pub const SEGMENT_HEAD: usize = 32;
/// The length of a frame's head in bytes.
pub const FRAME_HEAD: usize = 24;
/// The longest payload of a frame in bytes.
pub const MAX_PAYLOAD: usize = 64 << 20;

const SEGMENT_MARK: &[u8; 16] = b"JACKFIELDJOURNAL";
const FRAME_MARK: [u8; 4] = [0xF5, b'J', b'F', b'1'];
const VERSION: u32 = 1;

/// The head of a segment.
#[must_use]
pub fn segment_head(first: Seq) -> [u8; SEGMENT_HEAD] {
    let mut head = [0; SEGMENT_HEAD];
    head[..16].copy_from_slice(SEGMENT_MARK);
    head[16..20].copy_from_slice(&VERSION.to_le_bytes());
    head[20..28].copy_from_slice(&first.0.to_le_bytes());
    let sum = crc32fast::hash(&head[..28]);
    head[28..].copy_from_slice(&sum.to_le_bytes());
    head
}

/// The number of the first fact of a segment.
///
/// # Errors
/// In words, what is wrong with the head.
pub fn read_segment_head(head: &[u8; SEGMENT_HEAD]) -> Result<Seq, String> {
    if &head[..16] != SEGMENT_MARK {
        return Err(String::from("the file does not begin as a segment does"));
    }
    if crc32fast::hash(&head[..28]) != le32(&head[28..]) {
        return Err(String::from("the checksum of the segment's head is wrong"));
    }
    match le32(&head[16..20]) {
        VERSION => Ok(Seq(le64(&head[20..28]))),
        other => Err(format!("the format is version {other}; this program knows {VERSION}")),
    }
}

/// A frame under construction: room for the head, then the lines.
#[must_use]
pub fn begin(capacity: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_HEAD + capacity);
    frame.resize(FRAME_HEAD, 0);
    frame
}

/// Fills in the head of a frame that was begun by [`begin`]. The caller keeps to [`MAX_PAYLOAD`].
pub fn finish(frame: &mut [u8], first: Seq, count: u32) {
    let length = u32::try_from(frame.len() - FRAME_HEAD).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&FRAME_MARK);
    frame[4..8].copy_from_slice(&length.to_le_bytes());
    frame[8..16].copy_from_slice(&first.0.to_le_bytes());
    frame[16..20].copy_from_slice(&count.to_le_bytes());
    let sum = checksum(&frame[..20], &frame[FRAME_HEAD..]);
    frame[20..24].copy_from_slice(&sum.to_le_bytes());
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The length of the payload in bytes.
    pub length: usize,
    /// The number of the first fact.
    pub first: Seq,
    /// How many facts.
    pub count: u32,
    /// The checksum of head and payload.
    pub sum: u32,
}

impl Head {
    /// Reads a head.
    ///
    /// # Errors
    /// In words, why this is not one.
    pub fn read(bytes: &[u8; FRAME_HEAD]) -> Result<Self, &'static str> {
        if bytes[..4] != FRAME_MARK {
            return Err("no frame begins here");
        }
        let length = le32(&bytes[4..8]) as usize;
        if length > MAX_PAYLOAD {
            return Err("the length of the frame is impossible");
        }
        Ok(Self { length, first: Seq(le64(&bytes[8..16])), count: le32(&bytes[16..20]), sum: le32(&bytes[20..24]) })
    }

    /// The number that comes after this frame.
    #[must_use]
    pub fn next(&self) -> Seq {
        Seq(self.first.0.saturating_add(u64::from(self.count)))
    }
}

/// The checksum of a frame: the first 20 bytes of its head, and its payload.
#[must_use]
pub fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

/// Where in `bytes` a whole and good frame begins, if there is one.
#[must_use]
pub fn find_good(bytes: &[u8]) -> Option<usize> {
    let candidates = bytes.iter().enumerate().filter(|(_, b)| **b == FRAME_MARK[0]).map(|(at, _)| at);
    candidates.into_iter().find(|at| is_good(&bytes[*at..]))
}

fn is_good(bytes: &[u8]) -> bool {
    let Some(head_bytes) = bytes.first_chunk::<FRAME_HEAD>() else {
        return false;
    };
    let Ok(head) = Head::read(head_bytes) else { return false };
    let payload = bytes.get(FRAME_HEAD..FRAME_HEAD + head.length);
    payload.is_some_and(|payload| checksum(&head_bytes[..20], payload) == head.sum)
}

fn le32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}

fn le64(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(lines: &[u8]) -> Vec<u8> {
        let mut frame = begin(lines.len());
        frame.extend_from_slice(lines);
        finish(&mut frame, Seq(7), 1);
        frame
    }

    #[test]
    fn a_segment_head_reads_back() {
        assert_eq!(read_segment_head(&segment_head(Seq(42))), Ok(Seq(42)));
    }

    #[test]
    fn a_segment_head_with_any_flipped_bit_is_refused() {
        for bit in 0..SEGMENT_HEAD * 8 {
            let mut head = segment_head(Seq(42));
            head[bit / 8] ^= 1 << (bit % 8);
            assert!(read_segment_head(&head).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_with_any_flipped_bit_is_not_good() {
        let good = frame(b"{\"seq\":7}\n");
        assert!(is_good(&good));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_good(&bad), "bit {bit}");
        }
    }

    #[test]
    fn a_good_frame_is_found_behind_rubbish() {
        let mut bytes = vec![0xF5, b'J', b'F', b'1', 9, 9];
        let at = bytes.len();
        bytes.extend_from_slice(&frame(b"{}\n"));
        assert_eq!(find_good(&bytes), Some(at));
        assert_eq!(find_good(&bytes[..bytes.len() - 1]), None);
    }
}

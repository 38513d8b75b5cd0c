//! Makes new inputs of old ones, the same ones for the same seed.

/// Numbers that look random (xorshift64*).
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

/// The most bytes of an input.
const LONGEST: usize = 64 << 10;

/// Numbers at which lengths and counts go wrong.
const EDGES: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff];

/// One to eight changes of an input. `words` are pieces that the format knows, `others` inputs to take pieces of.
pub fn mutate(input: &mut Vec<u8>, random: &mut Random, words: &[&[u8]], others: &[Vec<u8>]) {
    for _ in 0..=random.below(8) {
        let at = random.below(input.len() + 1);
        match random.below(8) {
            0 | 1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            2 => {
                let byte = random.byte();
                input.insert(at, byte);
            }
            3 => {
                let length = random.below(16) + 1;
                let end = input.len().min(at + length);
                input.drain(at..end);
            }
            4 => {
                let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
                let width = 1 << random.below(4);
                for (place, byte) in input.iter_mut().skip(at).zip(&edge[..width]) {
                    *place = *byte;
                }
            }
            5 if !words.is_empty() => {
                let word = words[random.below(words.len())];
                input.splice(at..at, word.iter().copied());
            }
            6 if !others.is_empty() => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len() + 1);
                let to = other.len().min(from + random.below(256));
                input.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let end = input.len().min(at + random.below(64));
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
        }
        input.truncate(LONGEST);
    }
}

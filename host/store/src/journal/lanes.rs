//! The groups that wait for the disk, in lanes that share it fairly.
//!
//! Each channel has a lane of its own; what the host does by itself has one, and what people ask for has one. Lanes are drained in turn,
//! each by about [`QUANTUM`] bytes (deficit round robin), so a channel that floods the host delays its own facts and nobody else's. The
//! order within a lane is kept.
//!
//! What a fact costs is known when it was applied, and may be much more than its bytes. A lane owes what its facts cost beyond those, and gives
//! up a turn for each [`QUANTUM`] of it. What it owes is bounded, and forgiven when nobody else waits.
//!
//! A lane may hold a third of what is free (dynamic thresholds, Choudhury and Hahne): alone it gets a quarter of the queue, two that flood
//! get a fifth each, and whatever they do there is room for others.

use std::collections::{BTreeMap, VecDeque};

use jackfield_core::fact::Actor;
use jackfield_core::ids::ChannelId;

/// How many bytes a lane may send in one turn, about; several webhooks. A guess.
const QUANTUM: usize = 64 << 10;

/// How much a lane may owe: what the dearest fact costs, about.
const MOST_OWED: usize = 96 << 20;

/// Who shares a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// What people and programs ask for.
    Requests,
    /// What the host does by itself.
    Host,
    /// What comes in through a channel.
    Channel(ChannelId),
}

impl Lane {
    pub(super) fn of(actor: &Actor) -> Self {
        match actor {
            Actor::Host => Self::Host,
            Actor::Operator | Actor::Key(_) => Self::Requests,
            Actor::Channel(channel) => Self::Channel(channel.clone()),
        }
    }
}

/// How many items, and how many bytes they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

/// What waits.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    lanes: BTreeMap<Lane, Waiting<T>>,
    /// The lanes that have something, in the order of their turns.
    turns: VecDeque<Lane>,
    /// What applying the facts of a lane cost beyond their bytes.
    debts: BTreeMap<Lane, usize>,
    capacity: Size,
    used: Size,
}

#[derive(Debug)]
struct Waiting<T> {
    /// Each with its bytes.
    items: VecDeque<(T, usize)>,
    bytes: usize,
    /// How many bytes it may still send in this turn.
    credit: usize,
}

impl<T> Lanes<T> {
    /// Room for so much altogether.
    pub(super) fn new(capacity: Size) -> Self {
        Self { lanes: BTreeMap::new(), turns: VecDeque::new(), debts: BTreeMap::new(), capacity, used: Size::default() }
    }

    /// Puts something at the end of its lane; tells how many wait there when the lane has had its share. What comes when nothing waits
    /// may be larger than everything.
    pub(super) fn push(&mut self, lane: Lane, item: T, bytes: usize) -> Result<(), usize> {
        let waiting = self.lanes.get(&lane);
        let here = waiting.map_or_else(Size::default, |w| Size { items: w.items.len(), bytes: w.bytes });
        let Size { items: all, bytes: all_bytes } = self.used;
        let fits = has_room(self.capacity.items, all, here.items, 1)
            && has_room(self.capacity.bytes, all_bytes, here.bytes, bytes);
        if all > 0 && !fits {
            return Err(here.items);
        }
        self.used = Size { items: all + 1, bytes: all_bytes + bytes };
        let new = || Waiting { items: VecDeque::new(), bytes: 0, credit: QUANTUM };
        let waiting = self.lanes.entry(lane.clone()).or_insert_with(new);
        if waiting.items.is_empty() {
            self.turns.push_back(lane);
        }
        waiting.bytes += bytes;
        waiting.items.push_back((item, bytes));
        Ok(())
    }

    /// Applying a fact of a lane cost so much beyond its bytes. The lane pays with turns while others wait.
    pub(super) fn charge(&mut self, lane: Lane, work: usize) {
        if !self.turns.is_empty() {
            let debt = self.debts.entry(lane).or_default();
            *debt = debt.saturating_add(work).min(MOST_OWED);
        }
    }

    /// Takes the next item, if `fits` agrees to it and its bytes. Otherwise it stays the next one.
    pub(super) fn pop(&mut self, fits: impl FnOnce(&T, usize) -> bool) -> Option<T> {
        loop {
            if self.turns.len() < 2 {
                self.debts.clear();
            }
            let lane = self.turns.front()?;
            if let Some(debt) = self.debts.get_mut(lane).filter(|debt| **debt >= QUANTUM) {
                *debt -= QUANTUM;
                self.turns.rotate_left(1);
                continue;
            }
            let waiting = self.lanes.get_mut(lane)?;
            let (item, bytes) = waiting.items.front()?;
            let bytes = *bytes;
            if bytes > waiting.credit {
                waiting.credit += QUANTUM;
                self.turns.rotate_left(1);
                continue;
            }
            if !fits(item, bytes) {
                return None;
            }
            waiting.credit -= bytes;
            waiting.bytes -= bytes;
            self.used = Size { items: self.used.items - 1, bytes: self.used.bytes - bytes };
            let taken = waiting.items.pop_front().map(|(item, _)| item);
            if waiting.items.is_empty()
                && let Some(lane) = self.turns.pop_front()
            {
                // Its credit goes with it: who comes again begins like everybody.
                self.lanes.remove(&lane);
            }
            return taken;
        }
    }
}

/// Whether a lane that holds `here` may take `more`, of `capacity` of which `used` is taken.
fn has_room(capacity: usize, used: usize, here: usize, more: usize) -> bool {
    let free = capacity.saturating_sub(used);
    more <= free && (here == 0 || here + more <= free / 3 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn channel(n: usize) -> Lane {
        Lane::Channel(format!("c{n}").parse().unwrap())
    }

    fn lanes(items: usize, bytes: usize) -> Lanes<(usize, usize)> {
        Lanes::new(Size { items, bytes })
    }

    #[test]
    fn a_lane_that_floods_gets_a_quarter_and_others_find_room() {
        let mut queue = lanes(400, usize::MAX);
        let flood =
            |queue: &mut Lanes<_>, n| (0..).take_while(|at| queue.push(channel(n), (n, *at), 10).is_ok()).count();
        let first = flood(&mut queue, 0);
        assert!((100..=102).contains(&first), "{first}");
        for n in 1..15 {
            assert!(flood(&mut queue, n) >= 2, "lane {n}");
        }
        assert!(queue.push(channel(0), (0, 0), 10).is_err());
        assert!(queue.push(Lane::Requests, (99, 0), 10).is_ok());
    }

    #[test]
    fn a_lane_that_floods_with_large_groups_delays_nobody_by_more_than_a_turn() {
        let mut queue = lanes(10_000, usize::MAX);
        for at in 0..100 {
            queue.push(channel(0), (0, at), QUANTUM).unwrap();
        }
        queue.push(channel(1), (1, 0), 500).unwrap();
        queue.push(channel(2), (2, 0), 500).unwrap();
        let first: Vec<usize> = (0..4).filter_map(|_| queue.pop(|_, _| true)).map(|(lane, _)| lane).collect();
        assert!(first.contains(&1) && first.contains(&2), "{first:?}");
    }

    /// Three lanes of which all always have something.
    fn busy(bytes: usize) -> Lanes<(usize, usize)> {
        let mut queue = lanes(100_000, usize::MAX);
        for at in 0..2_000 {
            for lane in 0..3 {
                queue.push(channel(lane), (lane, at), bytes).unwrap();
            }
        }
        queue
    }

    #[test]
    fn a_lane_whose_facts_cost_a_hundred_times_their_bytes_gets_no_more_work_than_others() {
        let bytes = 8 << 10;
        let mut queue = busy(bytes);
        let mut work = [0; 3];
        while work[1] < 100 * QUANTUM {
            let (lane, _) = queue.pop(|_, _| true).unwrap();
            work[lane] += bytes;
            if lane == 0 {
                work[0] += 99 * bytes;
                queue.charge(channel(0), 99 * bytes);
            }
        }
        let most = 100 * bytes + 2 * QUANTUM;
        assert!(work[0].abs_diff(work[1]) <= most && work[2].abs_diff(work[1]) <= most, "{work:?}");
    }

    #[test]
    fn what_a_lane_owes_is_bounded_and_forgiven_when_nobody_else_waits() {
        let mut queue = busy(QUANTUM);
        queue.charge(channel(0), usize::MAX);
        queue.charge(channel(0), usize::MAX);
        let before = (0..).take_while(|_| queue.pop(|_, _| true).is_some_and(|(lane, _)| lane != 0)).count();
        assert!((2 * MOST_OWED / QUANTUM - 2..=2 * MOST_OWED / QUANTUM + 2).contains(&before), "{before}");
        let mut queue = lanes(100, usize::MAX);
        queue.push(channel(0), (0, 0), 1).unwrap();
        queue.charge(channel(0), MOST_OWED);
        assert_eq!(queue.pop(|_, _| true), Some((0, 0)));
        queue.charge(channel(0), MOST_OWED);
        queue.push(channel(0), (0, 1), 1).unwrap();
        queue.push(channel(1), (1, 0), 1).unwrap();
        assert_eq!(queue.pop(|_, _| true), Some((0, 1)));
    }

    #[test]
    fn what_is_larger_than_the_queue_goes_alone() {
        let mut queue = lanes(10, 100);
        assert!(queue.push(channel(0), (0, 0), 1_000).is_ok());
        assert_eq!(queue.push(channel(1), (1, 0), 1), Err(0));
        assert_eq!(queue.pop(|_, _| false), None);
        assert_eq!(queue.pop(|_, bytes| bytes == 1_000), Some((0, 0)));
        assert!(queue.push(channel(1), (1, 0), 1).is_ok());
    }

    proptest! {
        #[test]
        fn every_lane_keeps_its_order_and_nothing_is_lost(
            steps in prop::collection::vec(prop::option::weighted(0.6, (0_usize..5, 1_usize..200_000)), 0..300),
        ) {
            let mut queue = lanes(50, 3_000_000);
            let (mut next, mut seen) = ([0; 5], [0; 5]);
            for step in steps {
                match step {
                    Some((lane, bytes)) => {
                        if queue.push(channel(lane), (lane, next[lane]), bytes).is_ok() {
                            next[lane] += 1;
                        }
                    }
                    None => {
                        if let Some((lane, at)) = queue.pop(|_, _| true) {
                            prop_assert_eq!(at, seen[lane]);
                            seen[lane] += 1;
                        }
                    }
                }
            }
            while let Some((lane, at)) = queue.pop(|_, _| true) {
                prop_assert_eq!(at, seen[lane]);
                seen[lane] += 1;
            }
            prop_assert_eq!(seen, next);
            prop_assert_eq!(queue.used, Size::default());
            prop_assert!(queue.lanes.is_empty() && queue.turns.is_empty());
        }

        #[test]
        fn lanes_that_all_wait_get_equal_bytes(sizes in prop::collection::vec(1_000_usize..100_000, 3)) {
            let mut queue = lanes(100_000, usize::MAX);
            for (lane, bytes) in sizes.iter().enumerate() {
                for at in 0..(20 * QUANTUM / bytes + 1) {
                    queue.push(channel(lane), (lane, at), *bytes).unwrap();
                }
            }
            let mut sent = [0; 3];
            while sent.iter().sum::<usize>() < 30 * QUANTUM {
                let Some((lane, _)) = queue.pop(|_, _| true) else { break };
                sent[lane] += sizes[lane];
            }
            let (least, most) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
            prop_assert!(most - least <= 3 * QUANTUM + 100_000, "{sent:?}");
        }
    }
}

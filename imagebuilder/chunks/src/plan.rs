//! Where each piece of a wanted file comes from: copied out of a file that is here, or fetched.

use std::collections::HashMap;
use std::ops::Range;

use crate::map::{Chunk, ChunkMap};

/// Two stretches to fetch that are no further apart are one, and what is between them is fetched
/// too. A request that is saved is worth a few milliseconds of a line, and so are these bytes; a
/// larger bridge would fetch whole clusters that are here.
const MAX_BRIDGE_BYTES: u64 = 16 << 10;

/// How to make a file. What it neither copies nor fetches is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(crate) copies: Vec<Piece>,
    fetches: Vec<Range<u64>>,
    size_bytes: u64,
}

/// One stretch that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Which of the files.
    pub(crate) from: usize,
    /// Where it begins there.
    pub(crate) offset: u64,
    /// Where it goes.
    pub(crate) target: Range<u64>,
}

impl Plan {
    /// Plans a file from its map and those of files that are here. Of two that have a piece, the
    /// first gives it.
    #[must_use]
    pub fn new(wanted: &ChunkMap, here: &[ChunkMap]) -> Self {
        let places = places(here);
        let fetches = fetches(wanted, &places);
        let copies = copies(wanted, &places, &fetches);
        Self {
            copies,
            fetches,
            size_bytes: wanted.size_bytes(),
        }
    }

    /// The length of the file in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The stretches of the file that have to be fetched, in order and apart from each other.
    #[must_use]
    pub fn fetches(&self) -> &[Range<u64>] {
        &self.fetches
    }

    /// How many bytes are fetched.
    #[must_use]
    pub fn bytes_remote(&self) -> u64 {
        self.fetches.iter().map(length).sum()
    }

    /// How many bytes are copied from files that are here.
    #[must_use]
    pub fn bytes_local(&self) -> u64 {
        self.copies.iter().map(|copy| length(&copy.target)).sum()
    }
}

/// File and offset of each chunk that is here.
type Places = HashMap<Chunk, (usize, u64)>;

fn places(here: &[ChunkMap]) -> Places {
    let mut places = Places::new();
    for (file, map) in here.iter().enumerate() {
        for (chunk, range) in ranges(map) {
            if matches!(chunk, Chunk::Data { .. }) {
                places.entry(chunk).or_insert((file, range.start));
            }
        }
    }
    places
}

fn fetches(wanted: &ChunkMap, places: &Places) -> Vec<Range<u64>> {
    let mut fetches: Vec<Range<u64>> = Vec::new();
    for (chunk, range) in ranges(wanted) {
        if matches!(chunk, Chunk::Zeros { .. }) || places.contains_key(&chunk) {
            continue;
        }
        match fetches.last_mut() {
            Some(last) if range.start - last.end <= MAX_BRIDGE_BYTES => last.end = range.end,
            _ => fetches.push(range),
        }
    }
    fetches
}

/// What is here and not fetched on the way. A bridge covers whole chunks, so each chunk is either
/// within a fetch or outside of all.
fn copies(wanted: &ChunkMap, places: &Places, fetches: &[Range<u64>]) -> Vec<Piece> {
    let mut copies: Vec<Piece> = Vec::new();
    let mut fetches = fetches.iter().peekable();
    for (chunk, target) in ranges(wanted) {
        while fetches.next_if(|fetch| fetch.end <= target.start).is_some() {}
        let fetched = fetches
            .peek()
            .is_some_and(|fetch| fetch.contains(&target.start));
        let Some(&(from, offset)) = places.get(&chunk).filter(|_| !fetched) else {
            continue;
        };
        match copies.last_mut() {
            Some(last) if last.is_followed_by(from, offset, target.start) => {
                last.target.end = target.end;
            }
            _ => copies.push(Piece {
                from,
                offset,
                target,
            }),
        }
    }
    copies
}

impl Piece {
    fn is_followed_by(&self, from: usize, offset: u64, target: u64) -> bool {
        self.from == from
            && self.target.end == target
            && self.offset + length(&self.target) == offset
    }
}

/// Each chunk with where it is.
fn ranges(map: &ChunkMap) -> impl Iterator<Item = (Chunk, Range<u64>)> {
    let mut at = 0;
    map.chunks.iter().map(move |chunk| {
        let start = at;
        at += chunk.size();
        (*chunk, start..at)
    })
}

fn length(range: &Range<u64>) -> u64 {
    range.end - range.start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::tests::map;

    const KIB: u32 = 1024;

    fn plan(wanted: &[(char, u32)], here: &[&[(char, u32)]]) -> Plan {
        let here: Vec<ChunkMap> = here.iter().map(|chunks| map(chunks)).collect();
        Plan::new(&map(wanted), &here)
    }

    fn bounds(plan: &Plan) -> Vec<(u64, u64)> {
        let fetches = plan.fetches().iter();
        fetches.map(|fetch| (fetch.start, fetch.end)).collect()
    }

    #[test]
    fn neighbours_are_one_stretch_of_each_kind() {
        let wanted = [('x', 10), ('y', 10), ('a', 20_000), ('b', 5), ('0', 7)];
        let plan = plan(&wanted, &[&[('q', 3), ('a', 20_000), ('b', 5)]]);
        assert_eq!(bounds(&plan), [(0, 20)]);
        let copy = Piece {
            from: 0,
            offset: 3,
            target: 20..20_025,
        };
        assert_eq!(plan.copies, [copy]);
        let counted = (plan.bytes_remote(), plan.bytes_local(), plan.size_bytes());
        assert_eq!(counted, (20, 20_005, 20_032));
    }

    #[test]
    fn a_small_gap_is_fetched_and_a_larger_one_is_not() {
        let check = |gap: &[(char, u32)], fetches: usize, local: u64| {
            let wanted = [&[('x', 10)], gap, &[('y', 10)]].concat();
            let plan = plan(&wanted, &[gap]);
            let found = (plan.fetches().len(), plan.bytes_local());
            assert_eq!(found, (fetches, local), "{gap:?}");
            let all = plan.bytes_local() + plan.bytes_remote();
            assert_eq!(all, plan.size_bytes(), "{gap:?}");
        };
        check(&[('a', 16 * KIB)], 1, 0);
        check(&[('a', 8 * KIB), ('b', 8 * KIB)], 1, 0);
        check(&[('a', 16 * KIB + 1)], 2, 16 * 1024 + 1);
        check(&[('a', 8 * KIB), ('b', 9 * KIB)], 2, 17 * 1024);
    }

    #[test]
    fn zeros_are_neither_fetched_nor_copied_and_the_same_length_alone_is_no_match() {
        let plan = plan(
            &[('0', 100_000), ('a', 50)],
            &[&[('0', 100_000), ('b', 50)]],
        );
        assert_eq!(bounds(&plan), [(100_000, 100_050)]);
        assert_eq!(plan.copies, []);
    }

    #[test]
    fn pieces_come_from_whichever_file_has_them_and_the_first_wins() {
        let wanted = [('a', 20_000), ('b', 20_000), ('a', 20_000)];
        let plan = plan(
            &wanted,
            &[&[('a', 20_000)], &[('b', 20_000), ('a', 20_000)]],
        );
        let from: Vec<_> = plan
            .copies
            .iter()
            .map(|one| (one.from, one.offset))
            .collect();
        assert_eq!(from, [(0, 0), (1, 0), (0, 0)]);
        assert_eq!(plan.bytes_remote(), 0);
    }

    #[test]
    fn with_nothing_here_everything_is_fetched_at_once() {
        let plan = plan(&[('a', 20_000), ('b', 20_000)], &[]);
        assert_eq!(bounds(&plan), [(0, 40_000)]);
        assert_eq!(plan.bytes_local(), 0);
    }
}

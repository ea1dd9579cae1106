//! Whether what clients were told of one tag could have come from one copy of it.
//!
//! Every write has a value of its own, so that all operations on a value make a zone:
//! from the first end to the last start. The history is linearizable if and only if no
//! read ends before its write begins, no two forward zones overlap, and no backward
//! zone lies inside a forward one (Gibbons and Korach, "Testing Shared Memories").

use std::collections::HashMap;
use std::time::Instant;

/// One operation on the tag, as its client saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) value: u64,
    pub(crate) is_write: bool,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Zone {
    first_end: Instant,
    last_start: Instant,
}

/// What is wrong with a history, if anything is.
pub(crate) fn check(history: &[Operation]) -> Result<(), String> {
    let mut zones: HashMap<u64, Zone> = HashMap::new();
    for operation in history {
        let zone = zones.entry(operation.value).or_insert(Zone {
            first_end: operation.end,
            last_start: operation.start,
        });
        zone.first_end = zone.first_end.min(operation.end);
        zone.last_start = zone.last_start.max(operation.start);
    }
    for read in history.iter().filter(|operation| !operation.is_write) {
        let write = history
            .iter()
            .find(|write| write.is_write && write.value == read.value);
        match write {
            None => return Err(format!("{} was read and never written", read.value)),
            Some(write) if read.end < write.start => {
                return Err(format!("{} was read before it was written", read.value));
            }
            Some(_) => {}
        }
    }
    let forward = |zone: &Zone| zone.first_end < zone.last_start;
    for (a, first) in &zones {
        for (b, second) in zones.iter().filter(|(b, _)| *b != a) {
            let overlap = forward(first)
                && forward(second)
                && first.first_end < second.last_start
                && second.first_end < first.last_start;
            let inside = forward(first)
                && !forward(second)
                && first.first_end < second.last_start
                && second.first_end < first.last_start;
            if overlap || inside {
                return Err(format!("{a} was read again after {b} had taken its place"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn operations(lines: &[(u64, bool, u64, u64)]) -> Vec<Operation> {
        let zero = Instant::now();
        lines
            .iter()
            .map(|&(value, is_write, start, end)| Operation {
                value,
                is_write,
                start: zero + Duration::from_millis(start),
                end: zero + Duration::from_millis(end),
            })
            .collect()
    }

    #[test]
    fn stale_reads_are_found_and_overlapping_ones_allowed() {
        let good = [
            (1, true, 0, 1),
            (2, true, 2, 6),
            (1, false, 3, 4),
            (2, false, 5, 7),
        ];
        assert_eq!(check(&operations(&good)), Ok(()));
        let stale = [(1, true, 0, 1), (2, true, 2, 3), (1, false, 4, 5)];
        assert!(check(&operations(&stale)).is_err());
        let back_and_forth = [
            (1, true, 0, 9),
            (2, true, 0, 9),
            (1, false, 1, 2),
            (2, false, 3, 4),
            (1, false, 5, 6),
        ];
        assert!(check(&operations(&back_and_forth)).is_err());
        let early = [(1, false, 0, 1), (1, true, 2, 3)];
        assert!(check(&operations(&early)).is_err());
        assert!(check(&operations(&[(7, false, 0, 1)])).is_err());
    }
}

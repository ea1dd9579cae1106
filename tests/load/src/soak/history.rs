//! What clients were told about one tag, and whether any order of events explains it.
//!
//! Every push to a tag has content of its own, so a tag is a register whose writes all differ.
//! For such registers there is a simple and exact rule (Gibbons and Korach, "Testing shared
//! memories", SIAM Journal on Computing 26, 1997). All operations on one value form a cluster,
//! with a zone from the first end among them to the last begin. A zone that runs forward is a
//! time during which the tag surely had that value. The history is linearizable exactly if no
//! two forward zones overlap and no backward zone lies inside a forward one.

use std::collections::BTreeMap;

/// Nanoseconds since the run began.
pub(super) type Time = u64;

/// One operation on a tag, as its client saw it.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A push of this digest. `end` is the answer's time; none came if the server was killed.
    Write {
        digest: String,
        begin: Time,
        end: Option<Time>,
    },
    /// A pull, and the digest that came; none means that there is no such tag.
    Read {
        digest: Option<String>,
        begin: Time,
        end: Time,
    },
}

/// The zone of a value and what is known of its write.
#[derive(Debug)]
struct Zone {
    value: String,
    first_end: Time,
    last_begin: Time,
    written: Option<Time>,
    first_read_end: Option<Time>,
}

/// Everything that no order explains, in words. Nothing means linearizable.
pub(super) fn violations(events: &[Event]) -> Vec<String> {
    let mut zones = zones(events);
    let mut found: Vec<String> = zones.iter().filter_map(impossible).collect();
    zones.sort_by_key(|zone| zone.first_end.min(zone.last_begin));
    let (forward, backward): (Vec<&Zone>, Vec<&Zone>) = zones
        .iter()
        .partition(|zone| zone.first_end < zone.last_begin);
    for pair in forward.windows(2) {
        if pair[1].first_end < pair[0].last_begin {
            found.push(format!(
                "{} and {} were both current",
                pair[0].value, pair[1].value
            ));
        }
    }
    for inner in backward {
        let around = forward.partition_point(|zone| zone.first_end < inner.last_begin);
        // Forward zones that do not overlap: only the last one before it can contain it.
        if let Some(outer) = around.checked_sub(1).map(|at| forward[at])
            && inner.first_end < outer.last_begin
        {
            found.push(format!(
                "{} was acknowledged and {} was read after it",
                inner.value, outer.value
            ));
        }
    }
    found
}

/// A value that was read and never written, or before it was written.
fn impossible(zone: &Zone) -> Option<String> {
    let read = zone.first_read_end?;
    match zone.written {
        None => Some(format!("{} was read and never pushed", zone.value)),
        Some(begin) if read < begin => {
            Some(format!("{} was read before it was pushed", zone.value))
        }
        Some(_) => None,
    }
}

fn zones(events: &[Event]) -> Vec<Zone> {
    const NOTHING: &str = "no tag";
    let mut zones: BTreeMap<&str, Zone> = BTreeMap::new();
    for event in events {
        let (value, begin, end) = match event {
            Event::Write { digest, begin, end } => {
                (digest.as_str(), *begin, end.unwrap_or(Time::MAX))
            }
            Event::Read { digest, begin, end } => {
                (digest.as_deref().unwrap_or(NOTHING), *begin, *end)
            }
        };
        let zone = zones.entry(value).or_insert_with(|| Zone {
            value: value.to_owned(),
            // Every tag begins with nothing, written before all else.
            first_end: if value == NOTHING { 0 } else { Time::MAX },
            last_begin: 0,
            written: (value == NOTHING).then_some(0),
            first_read_end: None,
        });
        zone.first_end = zone.first_end.min(end);
        zone.last_begin = zone.last_begin.max(begin);
        match event {
            Event::Write { .. } => zone.written = Some(begin),
            Event::Read { .. } => {
                zone.first_read_end = Some(zone.first_read_end.map_or(end, |first| first.min(end)));
            }
        }
    }
    // A push without an answer that nobody saw may as well never have happened.
    zones
        .into_values()
        .filter(|zone| zone.first_end < Time::MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(events: &[(&str, &str, Time, Time)], expected: usize) {
        let events: Vec<Event> = events
            .iter()
            .map(|(kind, value, begin, end)| match *kind {
                "push" => Event::Write {
                    digest: (*value).to_owned(),
                    begin: *begin,
                    end: (*end > 0).then_some(*end),
                },
                _ => Event::Read {
                    digest: (!value.is_empty()).then(|| (*value).to_owned()),
                    begin: *begin,
                    end: *end,
                },
            })
            .collect();
        let found = violations(&events);
        assert_eq!(found.len(), expected, "{events:?}: {found:?}");
    }

    #[test]
    fn what_one_order_explains_is_no_violation() {
        check(&[], 0);
        check(
            &[("pull", "", 1, 2), ("push", "a", 3, 4), ("pull", "a", 5, 6)],
            0,
        );
        // Two pushes at once: whoever wins may be read.
        check(
            &[
                ("push", "a", 1, 5),
                ("push", "b", 2, 4),
                ("pull", "a", 6, 7),
            ],
            0,
        );
        check(
            &[
                ("push", "a", 1, 5),
                ("push", "b", 2, 4),
                ("pull", "b", 6, 7),
            ],
            0,
        );
        // Killed: seen or not, both are well.
        check(
            &[
                ("push", "a", 1, 2),
                ("push", "b", 3, 0),
                ("pull", "a", 5, 6),
            ],
            0,
        );
        check(
            &[
                ("push", "a", 1, 2),
                ("push", "b", 3, 0),
                ("pull", "b", 5, 6),
                ("pull", "b", 7, 8),
            ],
            0,
        );
    }

    #[test]
    fn what_no_order_explains_is_found() {
        // An acknowledged push is gone.
        check(
            &[
                ("push", "a", 1, 2),
                ("push", "b", 3, 4),
                ("pull", "a", 5, 6),
            ],
            1,
        );
        check(&[("push", "a", 1, 2), ("pull", "", 3, 4)], 1);
        // The tag goes back and forth.
        check(
            &[
                ("push", "a", 1, 2),
                ("push", "b", 3, 0),
                ("pull", "b", 5, 6),
                ("pull", "a", 7, 8),
                ("pull", "b", 9, 10),
            ],
            1,
        );
        // Nobody pushed it; or only later.
        check(&[("pull", "x", 1, 2)], 1);
        check(&[("pull", "a", 1, 2), ("push", "a", 3, 4)], 1);
    }
}

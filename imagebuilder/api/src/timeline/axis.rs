//! The axis of a timeline: where its marks are, and how times are written.

/// The distances between marks that people read easily, in seconds.
const STEPS: [f64; 18] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0,
    3600.0, 7200.0, 21600.0,
];

/// A mark.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Seconds from the beginning.
    pub at: f64,
    /// What it says.
    pub text: String,
}

/// The marks of an axis of this length: from 0, evenly, at most `most` after the first.
pub fn ticks(seconds: f64, most: u32) -> Vec<Tick> {
    let most = f64::from(most.max(1));
    let fits = |step: &f64| seconds / step <= most;
    // A build of days has marks as far apart as it takes.
    let step = STEPS
        .into_iter()
        .find(|step| fits(step))
        .unwrap_or_else(|| {
            let day = 86_400.0;
            (seconds / most / day).ceil() * day
        });
    let mut marks = Vec::new();
    let mut number = 0_u32;
    while f64::from(number) * step <= seconds {
        let at = f64::from(number) * step;
        marks.push(Tick {
            at,
            text: duration_text(at),
        });
        number += 1;
    }
    marks
}

/// A length of time for people: `0.4 s`, `42 s`, `3 min 05 s`, `1 h 20 min`.
pub fn duration_text(seconds: f64) -> String {
    if seconds < 9.95 {
        let text = format!("{seconds:.1}");
        return format!("{} s", text.strip_suffix(".0").unwrap_or(&text));
    }
    let whole = seconds.round().max(0.0) as u64;
    let (hours, minutes, rest) = (whole / 3600, whole % 3600 / 60, whole % 60);
    match (hours, minutes, rest) {
        (0, 0, rest) => format!("{rest} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest:02} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_read_them() {
        let cases = [
            (0.0, "0 s"),
            (0.44, "0.4 s"),
            (9.96, "10 s"),
            (42.0, "42 s"),
            (185.0, "3 min 05 s"),
            (600.0, "10 min"),
            (4800.0, "1 h 20 min"),
            (7200.0, "2 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration_text(seconds), text);
        }
    }

    #[test]
    fn marks_are_even_few_and_begin_at_zero() {
        for seconds in [0.0, 0.05, 0.7, 7.0, 61.0, 754.3, 5000.0, 90_000.0, 2e6] {
            let marks = ticks(seconds, 8);
            assert_eq!(marks[0].at, 0.0, "{seconds}");
            assert!(marks.len() <= 9, "{seconds}: {marks:?}");
            assert!(marks.last().unwrap().at <= seconds);
        }
        let texts: Vec<String> = ticks(754.3, 8).into_iter().map(|mark| mark.text).collect();
        assert_eq!(
            texts,
            [
                "0 s", "2 min", "4 min", "6 min", "8 min", "10 min", "12 min"
            ]
        );
    }
}

//! Text that does nothing to the terminal that shows it.

/// The text without escape sequences and carriage returns. What else is not to be read, as
/// where a role prints a program, becomes a mark for each character.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        out.push_str(&rest[..start]);
        let sequence = &rest[start + 1..];
        let end = sequence
            .find(|c: char| c.is_ascii_alphabetic())
            .map_or(sequence.len(), |at| at + 1);
        rest = &sequence[end..];
    }
    out.push_str(rest);
    let shown = out.chars().filter(|one| *one != '\r');
    shown
        .map(|one| match one {
            '\n' | '\t' => one,
            one if one.is_control() => char::REPLACEMENT_CHARACTER,
            one => one,
        })
        .collect()
}

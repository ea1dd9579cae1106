//! The texts as which one secret may turn up: as it is, line by line, escaped, encoded.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::resolve::masker::SHORTEST_SECRET;

/// A line of a key is long; shorter ones are "}" and the like.
const SHORTEST_LINE: usize = 8;
/// Shorter pieces of base64 turn up by chance.
const SHORTEST_BASE64: usize = 8;
/// How programs break long base64: `base64` itself, and PEM.
const WRAPS: [usize; 2] = [76, 64];
/// What RFC 3986 never escapes.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Every text by which the secret can be recognised, itself among them.
pub(super) fn forms(secret: &str) -> Vec<String> {
    let mut all = Vec::new();
    for value in [secret, secret.trim()] {
        all.push(value.to_owned());
        all.push(value.replace("\r\n", "\n"));
        all.push(value.replace('\n', "\r\n"));
        escaped(value, &mut all);
        encoded(value, &mut all);
    }
    // Somebody prints a key with an indent, or only the first lines of it.
    let lines = secret.lines().map(str::trim);
    for line in lines.filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----")) {
        all.push(line.to_owned());
        escaped(line, &mut all);
    }
    all.sort();
    all.dedup();
    all.retain(|text| text.len() >= SHORTEST_SECRET);
    all
}

/// As it stands between quotes in JSON, YAML, shells, Python and XML.
fn escaped(value: &str, all: &mut Vec<String>) {
    let json = in_json(value);
    all.push(in_json(&json));
    all.push(json.replace('/', "\\/"));
    let ascii = in_ascii_json(value);
    all.push(in_json(&ascii));
    all.extend([json, ascii]);
    if value.contains('\'') {
        all.extend(["'\\''", "\\'", "''", "'\"'\"'"].map(|quote| value.replace('\'', quote)));
    }
    // As `printf %q` writes it.
    let quoted = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "_-./:=@%+,\n".contains(c) || !c.is_ascii() => {
            c.to_string()
        }
        other => format!("\\{other}"),
    };
    all.push(value.chars().map(quoted).collect());
    let xml = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    all.push(xml.replace('"', "&quot;").replace('\'', "&#39;"));
    all.push(xml.replace('"', "&#34;").replace('\'', "&#39;"));
    all.push(xml);
}

fn in_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Python escapes what is not ASCII.
fn in_ascii_json(value: &str) -> String {
    let mut out = String::new();
    for character in in_json(value).chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// In URLs, in base64 and in hexadecimal.
fn encoded(value: &str, all: &mut Vec<String>) {
    for set in [&UNRESERVED, NON_ALPHANUMERIC] {
        let upper = utf8_percent_encode(value, set).to_string();
        all.push(upper.replace("%20", "+"));
        all.push(lower_escapes(&upper));
        all.push(upper);
    }
    all.push(hex::encode(value));
    all.push(hex::encode_upper(value));
    for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
        base64_forms(value.as_bytes(), alphabet, all);
        // `echo` adds a line's end.
        base64_forms(format!("{value}\n").as_bytes(), alphabet, all);
    }
}

fn lower_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escaped = 0;
    for character in text.chars() {
        if character == '%' {
            escaped = 3;
        }
        out.push(match escaped {
            0 => character,
            _ => character.to_ascii_lowercase(),
        });
        escaped = i32::max(escaped - 1, 0);
    }
    out
}

/// Alone, broken into lines, and inside something longer such as `user:password`: there the
/// secret may begin at each of three places within four characters, and only what depends on
/// nothing around it is known.
fn base64_forms(bytes: &[u8], alphabet: &base64::alphabet::Alphabet, all: &mut Vec<String>) {
    let engine = GeneralPurpose::new(alphabet, GeneralPurposeConfig::new());
    let alone = engine.encode(bytes);
    for wrap in WRAPS {
        let pieces = alone.as_bytes().chunks(wrap);
        let pieces = pieces.map(|piece| String::from_utf8_lossy(piece).into_owned());
        all.extend(pieces.filter(|piece| piece.len() >= SHORTEST_BASE64));
    }
    for before in 0..3 {
        let mut shifted = vec![0; before];
        shifted.extend_from_slice(bytes);
        let text = engine.encode(&shifted);
        let (from, to) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        if to.saturating_sub(from) >= SHORTEST_BASE64 {
            all.push(text[from..to].to_owned());
        }
    }
    all.push(alone.trim_end_matches('=').to_owned());
    all.push(alone);
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn every_form_is_covered_by_some_text() {
        let secret = "p&ss wörd's/\"x\"";
        let shapes = [
            secret.to_owned(),
            "p&ss wörd's/\\\"x\\\"".to_owned(),
            "p&ss w\\u00f6rd's/\\\"x\\\"".to_owned(),
            "p&ss w\\\\u00f6rd's/\\\\\\\"x\\\\\\\"".to_owned(),
            "p%26ss%20w%C3%B6rd%27s%2F%22x%22".to_owned(),
            "p%26ss+w%c3%b6rd%27s%2f%22x%22".replace('+', "%20"),
            "p&amp;ss wörd&#39;s/&quot;x&quot;".to_owned(),
            hex::encode(secret),
            BASE64_STANDARD.encode(secret),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
        ];
        let all = forms(secret);
        for shape in shapes {
            assert!(
                all.iter().any(|form| shape.contains(form.as_str())),
                "{shape} is not found"
            );
        }
        for user in ["a", "ab", "abc", "robot"] {
            let header = BASE64_STANDARD.encode(format!("{user}:{secret}"));
            assert!(
                all.iter().any(|form| header.contains(form.as_str())),
                "{header}"
            );
        }
    }

    #[test]
    fn a_key_is_known_by_each_of_its_lines_and_not_by_its_frame() {
        let key = "-----BEGIN KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\nQyNTUxOQAAACAvZm9vYmFyYmF6cXV4\n-----END KEY-----\n";
        let all = forms(key);
        assert!(
            all.iter()
                .any(|form| form == "QyNTUxOQAAACAvZm9vYmFyYmF6cXV4")
        );
        assert!(!all.iter().any(|form| form == "-----BEGIN KEY-----"));
    }
}

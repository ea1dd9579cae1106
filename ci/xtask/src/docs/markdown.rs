//! Takes code spans and code blocks out of Markdown. It understands no more of it than that.

/// A piece of code in a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    /// The line on which it begins, counted from 1.
    pub(super) line: usize,
    pub(super) text: String,
    /// A whole block between fences, and not a span in a sentence.
    pub(super) block: bool,
}

pub(super) fn snippets(text: &str) -> Vec<Snippet> {
    let mut found = Vec::new();
    let mut block: Option<Snippet> = None;
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().starts_with("```");
        match (&mut block, fence) {
            (Some(_), true) => found.extend(block.take()),
            (Some(open), false) => {
                open.text.push_str(line);
                open.text.push('\n');
            }
            (None, true) => {
                block = Some(Snippet {
                    line: index + 2,
                    text: String::new(),
                    block: true,
                });
            }
            (None, false) => found.extend(spans(line).map(|text| Snippet {
                line: index + 1,
                text,
                block: false,
            })),
        }
    }
    found.extend(block);
    found
}

fn spans(line: &str) -> impl Iterator<Item = String> + '_ {
    // Between the first and the second backtick, the third and the fourth, and so on.
    line.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_spans_and_blocks() {
        let found = snippets("a `b c` and `d`\n```sh\nmake run\nmake test\n```\n`e`\n");
        let flat: Vec<_> = found
            .iter()
            .map(|one| (one.line, one.text.as_str(), one.block))
            .collect();
        assert_eq!(
            flat,
            [
                (1, "b c", false),
                (1, "d", false),
                (3, "make run\nmake test\n", true),
                (6, "e", false)
            ]
        );
    }
}

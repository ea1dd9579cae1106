//! Help and references: they are all that a newcomer has.

use crate::program::packyard;

#[test]
fn every_command_has_help_and_is_in_the_reference() {
    let reference = packyard(&["reference"]).ends(0, &[]).stdout;
    let commands: Vec<&str> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("## `packyard"))
        .map(|line| line.trim_end_matches('`').trim())
        .collect();
    for wanted in [
        "serve",
        "admin fsck",
        "pack push",
        "profile lint",
        "image explain",
        "build watch",
        "config check",
        "login",
    ] {
        assert!(
            commands.contains(&wanted),
            "{wanted} is not in {commands:?}"
        );
    }
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = packyard(&words).ends(0, &[]).stdout;
        assert!(help.contains("Usage: packyard"), "{command}: {help}");
    }
}

#[test]
fn completions_are_made_for_common_shells() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            packyard(&["completions", shell])
                .ends(0, &[])
                .stdout
                .contains("packyard"),
            "{shell}"
        );
    }
}

#[test]
fn wrong_usage_ends_with_two_and_says_what_is_right() {
    packyard(&["pack", "psh"]).ends(2, &["psh", "push"]);
    packyard(&["pack", "show"]).ends(2, &["REFERENCE"]);
    packyard(&["pack", "show", "Not/A:Name"]).ends(2, &["lower-case"]);
    packyard(&["pack", "pull", "library/x"]).ends(2, &["no version", "PROJECT/NAME:VERSION"]);
    packyard(&["pack", "ls", "--server", "nowhere"]).ends(2, &["nowhere", "http://"]);
}

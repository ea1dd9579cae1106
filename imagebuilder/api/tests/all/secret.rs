//! A secret moves the signature and is seen nowhere.

use imagebuilder_api::signature::{Secret, SecretDigest, SecretKey, diff, explain, explain_text};

use crate::context::Context;

const PASSWORD: &str = "hunter2";

#[test]
fn a_secret_is_in_no_text_that_leaves_us() {
    let chain = Context::example().chain();
    let mut other = Context::example();
    other.packs[0].roles[1]
        .secrets
        .insert("password".to_owned(), "correct horse".to_owned());
    let other = other.chain();
    let differences = diff(&chain, &other);
    assert_eq!(differences.len(), 1);
    assert_eq!(
        differences[0].message,
        "role motd of pack addon 1.0.0: variable password differs"
    );
    let texts = [
        serde_json::to_string(&chain).unwrap(),
        format!("{chain:?}"),
        explain(&chain).to_string(),
        explain_text(&chain),
        serde_json::to_string(&differences).unwrap(),
        format!("{:?} {:?}", Secret::new(PASSWORD), SecretKey::new([7; 32])),
    ];
    for text in texts {
        assert!(
            !text.contains(PASSWORD) && !text.contains("horse") && !text.contains("7, 7"),
            "{text}"
        );
    }
    assert!(explain_text(&chain).contains("variable password = (secret)"));
}

#[test]
fn the_hash_depends_on_key_name_and_value() {
    let digest = |key: u8, name: &str, value: &str| {
        SecretKey::new([key; 32]).digest(name, &Secret::new(value))
    };
    let one = digest(1, "ab", "c");
    assert_eq!(one, digest(1, "ab", "c"));
    for other in [
        digest(2, "ab", "c"),
        digest(1, "a", "bc"),
        digest(1, "ab", "d"),
        digest(1, "abc", ""),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn a_secret_in_the_place_of_its_hash_is_not_repeated() {
    let error = PASSWORD.parse::<SecretDigest>().unwrap_err();
    assert!(!error.to_string().contains(PASSWORD));
}

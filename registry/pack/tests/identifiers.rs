//! Digests, names, tags, references, layers: what is taken and what is not.

use proptest::prelude::*;
use registry_pack::{Algorithm, Digest, Layer, PackName, Reference, RepositoryName, Tag};

#[test]
fn a_digest_is_what_it_says() {
    let digest = Digest::sha256(b"{}");
    assert_eq!(digest.as_str(), registry_pack::media::EMPTY_CONFIG_DIGEST);
    assert_eq!(digest.algorithm(), Algorithm::Sha256);
    assert_eq!(digest.hex().len(), 64);
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    let json = serde_json::to_string(&digest).unwrap();
    assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    let long = format!("sha512:{}", "ab".repeat(64));
    assert_eq!(
        long.parse::<Digest>().unwrap().algorithm(),
        Algorithm::Sha512
    );
}

#[test]
fn a_digest_that_is_none_is_refused_with_the_remedy() {
    let upper = format!("sha256:{}", "AB".repeat(32));
    let short = format!("sha256:{}", "ab".repeat(31));
    for text in [
        "",
        "sha256",
        "sha256:",
        "md5:abcd",
        &upper,
        &short,
        "sha256:äö",
    ] {
        let error = text.parse::<Digest>().unwrap_err().to_string();
        assert!(error.contains("write it as sha256:"), "{text}: {error}");
    }
    let huge = "x".repeat(10_000);
    assert!(huge.parse::<Digest>().unwrap_err().to_string().len() < 400);
}

#[test]
fn a_reference_is_taken_apart_and_put_together() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let cases = [
        ("demo", None, "demo", None),
        ("library/demo:1.0.0", None, "library/demo", Some("1.0.0")),
        ("localhost/demo:1", Some("localhost"), "demo", Some("1")),
        (
            "localhost:5000/a/b/c:v1.8.7",
            Some("localhost:5000"),
            "a/b/c",
            Some("v1.8.7"),
        ),
        (
            "registry.example.com/a/b",
            Some("registry.example.com"),
            "a/b",
            None,
        ),
        ("[::1]:5000/a/b:1", Some("[::1]:5000"), "a/b", Some("1")),
    ];
    for (text, host, repository, tag) in cases {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.host.as_deref(), host, "{text}");
        assert_eq!(reference.repository.as_str(), repository, "{text}");
        assert_eq!(reference.tag.as_ref().map(Tag::as_str), tag, "{text}");
        assert_eq!(reference.to_string(), text);
        let with_digest: Reference = format!("{text}@{digest}").parse().unwrap();
        assert_eq!(with_digest.target(), Some(digest.clone()), "{text}");
    }
}

#[test]
fn a_reference_that_is_none_is_refused() {
    for text in [
        "",
        "https://a.b/c",
        "a.b/",
        "a.b/C:1",
        "a/b:",
        "a/b@sha256:1",
        "u@p/a:1",
        "a.b!/c",
        "a//b",
    ] {
        assert!(text.parse::<Reference>().is_err(), "{text:?} was taken");
    }
}

#[test]
fn the_repository_of_a_pack_is_where_others_look_for_it() {
    let name: PackName = "cni-calico".parse().unwrap();
    let repository = RepositoryName::for_pack("library", &name).unwrap();
    assert_eq!(
        repository.as_str(),
        "library/spectro-packs/archive/cni-calico"
    );
    assert_eq!(repository.project(), "library");
    assert_eq!(repository.last(), "cni-calico");
    assert_eq!(repository.pack_name(), Some("cni-calico"));
    let deep: RepositoryName = "a/b/spectro-packs/archive/x".parse().unwrap();
    assert_eq!(deep.pack_name(), Some("x"));
    for text in [
        "library/images/x",
        "x-spectro-packs/archive/y",
        "spectro-packs/archive",
    ] {
        assert_eq!(
            text.parse::<RepositoryName>().unwrap().pack_name(),
            None,
            "{text}"
        );
    }
}

#[test]
fn layers_are_words_in_the_order_of_a_profile() {
    for layer in Layer::ALL {
        assert_eq!(layer.to_string().parse::<Layer>().unwrap(), layer);
    }
    assert!(Layer::Os < Layer::K8s && Layer::K8s < Layer::Addon);
    assert!(
        "network"
            .parse::<Layer>()
            .unwrap_err()
            .to_string()
            .contains("kernel, os, k8s")
    );
}

proptest! {
    /// The hand-written check and the specification's pattern agree.
    #[test]
    fn repository_names_follow_the_pattern(text in "[a-zA0-9._/-]{0,12}") {
        let pattern = r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$";
        let expected = regex::Regex::new(pattern).unwrap().is_match(&text);
        prop_assert_eq!(text.parse::<RepositoryName>().is_ok(), expected);
    }

    #[test]
    fn tags_follow_the_pattern(text in "[a-zA-Z0-9._+/ -]{0,8}") {
        let expected = regex::Regex::new(r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$").unwrap().is_match(&text);
        prop_assert_eq!(text.parse::<Tag>().is_ok(), expected);
    }

    #[test]
    fn nothing_makes_a_parser_panic(text in "\\PC{0,40}") {
        drop(text.parse::<Digest>());
        drop(text.parse::<Reference>());
        drop(text.parse::<PackName>());
    }
}

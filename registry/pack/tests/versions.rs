//! The order of versions.

use std::cmp::Ordering;

use proptest::prelude::*;
use registry_pack::Version;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// The versions of public packs that are no Semantic Versions, and the odd ones that are.
const PUBLIC: &[&str] = &[
    "v1.1.0",
    "v1.8.7",
    "v1.12.0",
    "1.5",
    "26.04.4",
    "20.09.0",
    "23.01.0",
    "23.07.1",
    "25.06.0",
    "26.02.0",
    "26.02.1",
    "0.30.0-5.5.2026",
    "2.0.1-up.1",
    "2.0.2-up.3",
    "2.0.2-up.4",
    "2.1.0-up.2",
    "1.22.1287",
    "7.7.1908",
    "3-canary",
    "18.04.4",
    "100.2602.1",
];

#[test]
fn versions_in_order() {
    let ordered = [
        "0.30.0-5.5.2026",
        "0.30.0",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.1.1",
        "1.1.1a",
        "1.5",
        "1.5.0",
        "v1.5.0",
        "v1.8.7",
        "1.9",
        "v1.12.0",
        "1.34.9",
        "1.34.10",
        "20.09.0",
        "23.01.0",
        "23.07.1",
        "26.02.0",
        "26.02.1",
        "26.04.4",
        "26.4.5",
        "100.2602.1",
        "99999999999999999999999999.0",
    ];
    for pair in ordered.windows(2) {
        assert!(
            version(pair[0]) < version(pair[1]),
            "{} < {}",
            pair[0],
            pair[1]
        );
    }
}

#[test]
fn versions_of_public_packs_are_kept_as_they_are() {
    for text in PUBLIC {
        assert_eq!(version(text).as_str(), *text);
        assert_eq!(version(text).to_string(), *text);
    }
}

#[test]
fn parents_are_the_moving_tags() {
    let cases: &[(&str, &[&str])] = &[
        ("1.34.2", &["1.34.x", "1.x"]),
        ("v1.8.7", &["1.8.x", "1.x"]),
        ("26.04.4", &["26.04.x", "26.x"]),
        ("1.5", &["1.x"]),
        ("2.1.0-up.2", &["2.1.x", "2.x"]),
        ("1.2.3.4", &["1.2.x", "1.x"]),
        ("7", &[]),
        ("3-canary", &[]),
        ("latest", &[]),
    ];
    for (text, parents) in cases {
        assert_eq!(version(text).parents(), *parents, "{text}");
    }
}

#[test]
fn what_cannot_be_a_version_is_refused() {
    for text in ["", "1 0", "1/0", "a\nb", &"1".repeat(129)] {
        assert!(text.parse::<Version>().is_err(), "{text:?}");
    }
}

/// Versions of every shape, and often ones that differ little.
fn any_version() -> impl Strategy<Value = String> {
    prop_oneof![
        "v?[0-2]{1,2}(\\.[0-2]{1,2}){0,3}(-[0-2a-b]{1,2}(\\.[0-2a-b]{1,2}){0,2})?(\\+[0-1])?",
        "[0-9a-c.v+-]{1,8}",
        proptest::sample::select(PUBLIC).prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
        let (a, b, c) = (version(&a), version(&b), version(&c));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        if a <= b && b <= c {
            prop_assert!(a <= c, "{} <= {} <= {}", a, b, c);
        }
    }

    #[test]
    fn semantic_versions_have_their_own_precedence(
        a in "[0-9]{1,3}\\.[0-3]\\.[0-3](-[0-2a-b]{1,2}(\\.[0-2a-b]{1,2}){0,2})?",
        b in "[0-9]{1,3}\\.[0-3]\\.[0-3](-[0-2a-b]{1,2}(\\.[0-2a-b]{1,2}){0,2})?",
    ) {
        if let (Ok(x), Ok(y)) = (semver::Version::parse(&a), semver::Version::parse(&b)) {
            prop_assert_eq!(version(&a).cmp(&version(&b)), x.cmp_precedence(&y));
        }
    }
}

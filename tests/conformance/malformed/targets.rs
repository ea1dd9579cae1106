//! Requests whose target, method or fields are wrong.

use super::dice::Dice;
use super::request::Request;
use crate::support::sha256;

const NAMES: &[&str] = &[
    "A", "a//b", "-a", "a-", "a..b", "a___b", "a/", ".a", "a%00b", "%2e%2e", "a%2F%2Fb", "%C3%BC",
    "a%20b", "_a", "a._b", "a%", "%zz", "a/-/b", "a%0Ab", "%FF",
];
const TAGS: &[&str] = &[
    "-", ".a", "a%20b", "%00", "a%2Cb", "%C3%BC", "a+b", "@", "%FF",
];
const RANGES: &[&str] = &[
    "bytes=0-3",
    "0-",
    "-3",
    "3-0",
    "x-y",
    "1-4",
    "0-99",
    "0x0-0x3",
    "0-3,4-7",
    "",
    "--",
    "18446744073709551615-18446744073709551616",
];
const METHODS: &[&str] = &["TRACE", "OPTIONS", "PATCH", "POST", "BREW"];

pub(super) fn wrong_name(dice: &mut Dice) -> Request {
    let long = "a".repeat(256 + dice.roll(500));
    let name = if dice.roll(8) == 0 {
        long.as_str()
    } else {
        *dice.pick(NAMES)
    };
    let digest = sha256(name);
    let (method, rest) = *dice.pick(&[
        ("GET", "tags/list"),
        ("GET", "manifests/v1"),
        ("DELETE", "manifests/v1"),
        ("PUT", "manifests/v1"),
        ("POST", "blobs/uploads/"),
        ("PATCH", "blobs/uploads/id"),
        ("GET", "blobs/DIGEST"),
        ("GET", "referrers/DIGEST"),
    ]);
    Request::new(
        method,
        format!("/v2/{name}/{}", rest.replace("DIGEST", &digest)),
    )
}

pub(super) fn wrong_digest(dice: &mut Dice) -> Request {
    let digest = digest(dice);
    match dice.roll(7) {
        0 => Request::new("GET", format!("/v2/a/blobs/{digest}")),
        1 => Request::new("DELETE", format!("/v2/a/blobs/{digest}")),
        2 => Request::new("GET", format!("/v2/a/referrers/{digest}")),
        3 => Request::new("GET", format!("/v2/a/manifests/{digest}")),
        4 => Request::new("POST", format!("/v2/a/blobs/uploads/?digest={digest}")).body("x"),
        5 => Request::new(
            "POST",
            format!("/v2/a/blobs/uploads/?mount={digest}&from=a"),
        ),
        _ => Request::new("PUT", format!("/v2/a/manifests/{digest}")).body("{}"),
    }
}

/// A digest that is none, or none of what is sent.
fn digest(dice: &mut Dice) -> String {
    let hex: String = (0..64).map(|_| *dice.pick(&['0', '7', 'a', 'f'])).collect();
    match dice.roll(9) {
        0 => format!("sha256:{}", &hex[1..]),
        1 => format!("sha256:{hex}0"),
        2 => format!("sha256:{}F", &hex[1..]),
        3 => format!("SHA256:{hex}"),
        4 => format!("sha512:{hex}"),
        5 => format!("md5:{}", &hex[..32]),
        6 => format!(":{hex}"),
        7 => format!("sha256:{}%20", &hex[1..]),
        _ => format!("sha256:{}g", &hex[1..]),
    }
}

pub(super) fn wrong_tag(dice: &mut Dice) -> Request {
    let long = "t".repeat(129 + dice.roll(300));
    let tag = if dice.roll(6) == 0 {
        long.as_str()
    } else {
        *dice.pick(TAGS)
    };
    let method = *dice.pick(&["GET", "PUT", "DELETE"]);
    Request::new(method, format!("/v2/a/manifests/{tag}"))
}

pub(super) fn wrong_query(dice: &mut Dice, upload: &str) -> Request {
    let n = *dice.pick(&["-1", "x", "1.5", "%20", "0x10", ""]);
    match dice.roll(7) {
        0 => Request::new("GET", format!("/v2/a/tags/list?n={n}")),
        1 => Request::new("GET", format!("/v2/_catalog?n={n}&last=a")),
        2 => Request::new("GET", format!("/v2/a/referrers/{}?n={n}", sha256("x"))),
        3 => Request::new("PUT", upload.to_owned()).body("x"),
        4 => Request::new("PUT", format!("{upload}?digest={}", digest(dice))).body("x"),
        5 => Request::new(
            "POST",
            "/v2/a/blobs/uploads/?digest-algorithm=crc32".to_owned(),
        ),
        _ => {
            let (tag, digest) = (dice.pick(TAGS), sha256("{}"));
            Request::new("PUT", format!("/v2/a/manifests/{digest}?tag={tag}")).body("{}")
        }
    }
}

pub(super) fn wrong_chunk(dice: &mut Dice, upload: &str) -> Request {
    let range = *dice.pick(RANGES);
    let (method, target) = match dice.roll(3) {
        0 => ("PUT", format!("{upload}?digest={}", sha256("abcd"))),
        1 => (
            "PATCH",
            format!("/v2/a/blobs/uploads/none-{}", dice.roll(1000)),
        ),
        _ => ("PATCH", upload.to_owned()),
    };
    Request::new(method, target)
        .header("Content-Range", range)
        .body("abcd")
}

pub(super) fn wrong_method(dice: &mut Dice, upload: &str) -> Request {
    let method = *dice.pick(METHODS);
    let digest = sha256("x");
    let targets = [
        "/v2/".to_owned(),
        "/v2/_catalog".to_owned(),
        "/v2/a/tags/list".to_owned(),
        "/v2/a/manifests/v1".to_owned(),
        format!("/v2/a/blobs/{digest}"),
        format!("/v2/a/referrers/{digest}"),
    ];
    if matches!(method, "TRACE" | "OPTIONS" | "BREW") && dice.roll(4) == 0 {
        return Request::new(method, upload.to_owned());
    }
    Request::new(method, dice.pick(&targets).clone())
}

pub(super) fn wrong_path(dice: &mut Dice) -> Request {
    let words = [
        "a",
        "blobs",
        "uploads",
        "manifests",
        "tags",
        "list",
        "..",
        "%2e",
        "referrers",
    ];
    let mut target = "/v2".to_owned();
    for _ in 0..=dice.roll(5) {
        target.push('/');
        target.push_str(dice.pick::<&str>(&words));
    }
    // Never an endpoint: nothing ends so.
    target.push_str("/nothing/at/all/");
    let method = *dice.pick(&["GET", "PUT", "POST", "DELETE"]);
    Request::new(method, target)
}

//! A thousand requests with something wrong in each, made from the specification's
//! endpoints: every one is answered with one of its codes, and none with a 5xx.
//!
//! They are the same ones on every run. All are proper HTTP, so that they reach the
//! registry; what is no HTTP at all is the listener's business.

use serde_json::{Value, json};

use crate::support::{IMAGE, INDEX, Registry, on_each_backend, sha256};

const REQUESTS: usize = 1000;
const SEED: u64 = 20_260_716;

/// The codes of the specification, "Error Codes".
const CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

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

#[tokio::test]
async fn a_thousand_malformed_requests_get_a_code_each() {
    on_each_backend(async |registry| {
        registry.push_image("a", "v1", b"layer").await;
        let upload = registry.begin("a").await;
        let mut dice = Dice(SEED);
        for number in 0..REQUESTS {
            let request = malformed(&mut dice, &upload);
            check(&registry, number, &request).await;
        }
        let image = registry.get("/v2/a/manifests/v1").await;
        assert_eq!(image.status(), 200, "what was there is still there");
    })
    .await;
}

async fn check(registry: &Registry, number: usize, request: &Request) {
    let answer = registry.raw(&request.bytes()).await;
    let told = || format!("request {number}: {request:?}\n{answer}");
    let status: u16 = answer
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no status line; {}", told()));
    assert!((400..500).contains(&status), "{}", told());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value =
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}; {}", told()));
    let errors = body["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", told()));
    assert!(!errors.is_empty(), "{}", told());
    for error in errors {
        let code = error["code"].as_str().unwrap_or_default();
        assert!(CODES.contains(&code), "{}", told());
        assert!(error["message"].is_string(), "{}", told());
    }
}

/// A request as it goes over the line.
#[derive(Debug)]
struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    fn new(method: &'static str, target: String) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self {
            method,
            target,
            headers,
            body,
        }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.method,
            self.target,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// One request, wrong in one way.
fn malformed(dice: &mut Dice, upload: &str) -> Request {
    match dice.roll(9) {
        0 => wrong_name(dice),
        1 => wrong_digest(dice),
        2 => wrong_tag(dice),
        3 => wrong_query(dice, upload),
        4 => wrong_chunk(dice, upload),
        5 => wrong_method(dice, upload),
        6 => wrong_path(dice),
        7 => wrong_manifest(dice),
        _ => mutated_manifest(dice),
    }
}

fn wrong_name(dice: &mut Dice) -> Request {
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

fn wrong_digest(dice: &mut Dice) -> Request {
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

fn wrong_tag(dice: &mut Dice) -> Request {
    let long = "t".repeat(129 + dice.roll(300));
    let tag = if dice.roll(6) == 0 {
        long.as_str()
    } else {
        *dice.pick(TAGS)
    };
    let method = *dice.pick(&["GET", "PUT", "DELETE"]);
    Request::new(method, format!("/v2/a/manifests/{tag}"))
}

fn wrong_query(dice: &mut Dice, upload: &str) -> Request {
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

fn wrong_chunk(dice: &mut Dice, upload: &str) -> Request {
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

fn wrong_method(dice: &mut Dice, upload: &str) -> Request {
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

fn wrong_path(dice: &mut Dice) -> Request {
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

fn wrong_manifest(dice: &mut Dice) -> Request {
    let missing = json!({"mediaType": IMAGE, "digest": sha256("missing"), "size": 7});
    let deep = format!("{{\"schemaVersion\":2,\"x\":{}", "[".repeat(2000));
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "0",
        "\"\"",
        "{}",
        "\u{feff}{}",
        "{\"schemaVersion\":2}",
        "{\"schemaVersion\":1,\"config\":{},\"layers\":[]}",
        "{\"schemaVersion\":2e400,\"manifests\":[]}",
        "{\"schemaVersion\":2,\"manifests\":[],\"config\":null,\"layers\":[]}",
        "{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}",
        "{\"schemaVersion\":2,\"manifests\":{}}",
        "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"x\",\"size\":1}]}",
        "{\"schemaVersion\":2,\"manifests\":[{\"size\":-1}]}",
        "{\"schemaVersion\":2,\"mediaType\":\"text/plain\",\"manifests\":[]}",
        deep.as_str(),
    ];
    let references = [
        json!({"schemaVersion": 2, "config": missing, "layers": []}).to_string(),
        json!({"schemaVersion": 2, "manifests": [missing]}).to_string(),
    ];
    let (body, media_type) = match dice.roll(10) {
        0 => (references[0].as_str(), IMAGE),
        1 => (references[1].as_str(), INDEX),
        2 => (*dice.pick(&bodies), "text/plain"),
        3 => (*dice.pick(&bodies), IMAGE),
        // An empty index is a good one; under this name nothing is.
        4 => ("{\"schemaVersion\":2,\"manifests\":[]}", "application/json"),
        _ => (*dice.pick(&bodies), INDEX),
    };
    let request = Request::new("PUT", "/v2/a/manifests/bad".to_owned());
    request.header("Content-Type", media_type).body(body)
}

/// A manifest whose blobs are not there, with some bytes changed: good or bad, it is refused.
fn mutated_manifest(dice: &mut Dice) -> Request {
    let descriptor = |content: &str| json!({"digest": sha256(content), "size": content.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "config": descriptor("none"),
        "layers": [descriptor("neither")], "annotations": {"a": "b"},
    });
    let mut bytes = manifest.to_string().into_bytes();
    for _ in 0..=dice.roll(4) {
        if bytes.len() < 2 {
            break;
        }
        let at = dice.roll(bytes.len());
        match dice.roll(3) {
            0 => bytes[at] = u8::try_from(dice.roll(256)).unwrap_or(0),
            1 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
    let request = Request::new("PUT", "/v2/a/manifests/mutated".to_owned());
    request.header("Content-Type", IMAGE).body(bytes)
}

/// `SplitMix64`: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.roll(among.len())]
    }
}

//! Images pulled by what differs from those that are here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Ran, Server, text};

const CLUSTER: usize = 64 << 10;
const CLUSTERS: usize = 320;
const REPOSITORY: &str = "library/images/base/pulled";

/// Two versions of a disk as our builder writes images, in a registry.
struct Two {
    folder: tempfile::TempDir,
    server: Server,
    old: PathBuf,
    new: PathBuf,
}

impl Two {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::start(&folder.path().join("data"), &[]);
        let old = convert(folder.path(), "old.qcow2", &raw(|_| false));
        let new = convert(
            folder.path(),
            "new.qcow2",
            &raw(|cluster| cluster % 20 == 3),
        );
        let two = Self {
            folder,
            server,
            old,
            new,
        };
        import(&two.server, &two.old, "1");
        import(&two.server, &two.new, "2");
        two
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out.qcow2")
    }

    fn pull(&self, tag: &str, more: &[&str]) -> Ran {
        let (image, out) = (format!("{REPOSITORY}:{tag}"), self.out());
        let pull = ["image", "pull", &image, "--output", text(&out)];
        self.server.run(&[&pull[..], more].concat())
    }

    /// Pulls the new version, which has to arrive as it is.
    #[track_caller]
    fn pull_new(&self, more: &[&str]) -> Moved {
        let ran = self.pull("2", &[more, &["--json"]].concat());
        let answer = ran.json();
        assert!(same(&self.out(), &self.new), "{answer}");
        let names = std::fs::read_dir(self.folder.path()).expect("a folder");
        let mut names = names.map(|entry| entry.expect("an entry").file_name());
        assert!(!names.any(|name| name.to_string_lossy().ends_with(".part")));
        let number = |key: &str| answer[key].as_u64().expect("a number");
        Moved {
            fetched: number("fetchedBytes"),
            reused: number("reusedBytes"),
            size: number("size"),
            said: ran.stderr,
        }
    }
}

struct Moved {
    fetched: u64,
    reused: u64,
    size: u64,
    said: String,
}

impl Moved {
    fn share(&self) -> f64 {
        self.fetched as f64 / self.size as f64
    }

    #[track_caller]
    fn is_whole(&self) {
        assert_eq!((self.fetched, self.reused), (self.size, 0), "{}", self.said);
    }

    #[track_caller]
    fn is_difference(&self) {
        let share = self.share();
        assert!(0.0 < share && share <= 0.15, "{share}: {}", self.said);
        assert!(self.reused > self.size / 2, "{}", self.reused);
    }
}

fn raw(changed: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CLUSTERS * CLUSTER);
    for cluster in 0..CLUSTERS {
        let mut state = cluster as u64 + 1 + if changed(cluster) { 1 << 40 } else { 0 };
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        match cluster % 5 {
            0 => bytes.resize(bytes.len() + CLUSTER, 0),
            1 | 2 => bytes.extend((0..CLUSTER / 8).flat_map(|_| next().to_le_bytes())),
            _ => bytes.extend((0..CLUSTER).map(|_| next() as u8 & 0b11_0001)),
        }
    }
    bytes
}

fn convert(folder: &Path, name: &str, raw: &[u8]) -> PathBuf {
    let (from, to) = (folder.join("raw"), folder.join(name));
    std::fs::write(&from, raw).expect("written");
    let converted = Command::new("qemu-img")
        .args(["convert", "-f", "raw", "-O", "qcow2", "-c"])
        .args(["-o", "compression_type=zstd", "-m", "4", "-W"])
        .args([&from, &to])
        .status();
    assert!(converted.expect("qemu-img is installed").success());
    to
}

fn import(server: &Server, disk: &Path, tag: &str) -> Value {
    let reference = format!("{REPOSITORY}:{tag}");
    let import = ["image", "import", text(disk), &reference, "--json"];
    let named = ["--os-name", "x", "--os-version", "1", "--ssh-username", "x"];
    server.run(&[&import[..], &named[..]].concat()).json()
}

fn same(one: &Path, other: &Path) -> bool {
    let read = |file| std::fs::read(file).expect("a file");
    read(one) == read(other)
}

#[test]
fn the_next_version_is_little_more_than_what_changed() {
    let two = Two::new();
    let moved = two.pull_new(&["--reuse", text(&two.old)]);
    println!(
        "measured: fetched of an image with 5 % changed: {:.3}",
        moved.share()
    );
    moved.is_difference();
    std::fs::remove_file(two.out()).expect("removed");
    two.pull_new(&[]).is_whole();
}

#[test]
fn what_the_pull_replaces_is_reused_by_itself() {
    let two = Two::new();
    two.pull("1", &[]).ends(0, &[]);
    let told = two.pull("2", &[]);
    assert!(told.stdout.contains("; fetched "), "{}", told.stdout);
    assert!(same(&two.out(), &two.new));
    std::fs::copy(&two.old, two.out()).expect("copied");
    two.pull_new(&[]).is_difference();
    let again = two.pull_new(&[]);
    assert!(
        again.share() < 0.01,
        "only the map is fetched: {}",
        again.fetched
    );
}

#[test]
fn what_is_no_image_is_passed_over_and_told_where_somebody_named_it() {
    let two = Two::new();
    std::fs::write(two.out(), "something else").expect("written");
    two.pull_new(&[]).is_whole();
    let junk = two.folder.path().join("junk");
    std::fs::write(&junk, vec![1; 4096]).expect("written");
    two.pull("2", &["--reuse", text(&junk)])
        .ends(1, &["junk", "no qcow2", "--reuse"]);
    let none = two.folder.path().join("none");
    two.pull("2", &["--reuse", text(&none)]).ends(3, &["none"]);
    assert!(same(&two.out(), &two.new), "what was there stays");
}

#[test]
fn an_image_without_a_map_is_fetched_whole() {
    let two = Two::new();
    let http = Http::new(&two);
    http.forget_maps("2");
    let moved = two.pull_new(&["--reuse", text(&two.old)]);
    assert!(moved.said.contains("no map"), "{}", moved.said);
    moved.is_whole();
}

#[test]
fn a_map_that_lies_costs_a_download_and_nothing_else() {
    let two = Two::new();
    // The same length, other bytes, and the map of the first for both.
    let mut bytes = std::fs::read(&two.new).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3].copy_from_slice(b"lie");
    let lie = two.folder.path().join("lie.qcow2");
    std::fs::write(&lie, bytes).expect("written");
    import(&two.server, &lie, "3");
    let http = Http::new(&two);
    let map = http.forget_maps("2");
    let other = http.forget_maps("3");
    assert_ne!(map, other);
    http.refer("2", &other);
    let moved = two.pull_new(&["--reuse", text(&lie)]);
    assert!(moved.said.contains("another file"), "{}", moved.said);
    assert!(moved.fetched > moved.size, "the map and the whole");
    assert_eq!(moved.reused, 0);
    assert!(http.forget_maps("2") == other, "the map was there");
}

/// Speaks to the registry where the program has no word for it.
struct Http {
    base: String,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Http {
    fn new(two: &Two) -> Self {
        Self {
            base: format!("{}/v2/{REPOSITORY}", two.server.url),
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            client: reqwest::Client::new(),
        }
    }

    fn send(&self, request: reqwest::RequestBuilder) -> (reqwest::header::HeaderMap, Vec<u8>) {
        self.runtime.block_on(async {
            let response = request.send().await.expect("an answer");
            let response = response.error_for_status().expect("a success");
            let headers = response.headers().clone();
            (headers, response.bytes().await.expect("a body").to_vec())
        })
    }

    fn json(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/{path}", self.base));
        let accept = "application/vnd.oci.image.manifest.v1+json";
        let (_, body) = self.send(request.header("accept", accept));
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Removes what refers to an image; answers with the layers that it had.
    fn forget_maps(&self, tag: &str) -> Value {
        let digest = self.subject(tag)["digest"].clone();
        let digest = digest.as_str().expect("a digest");
        let found = self.json(&format!("referrers/{digest}"));
        let found = found["manifests"].as_array().expect("a list").clone();
        assert_eq!(found.len(), 1, "{found:?}");
        let map = found[0]["digest"].as_str().expect("a digest");
        let layers = self.json(&format!("manifests/{map}"))["layers"].clone();
        self.send(self.client.delete(format!("{}/manifests/{map}", self.base)));
        layers
    }

    /// Lets layers that are there refer to an image as its map.
    fn refer(&self, tag: &str, layers: &Value) {
        let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.packyard.image.chunks.v1",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
            "layers": layers,
            "subject": self.subject(tag),
        });
        let request = self
            .client
            .put(format!("{}/manifests/map-of-{tag}", self.base));
        let kind = "application/vnd.oci.image.manifest.v1+json";
        self.send(
            request
                .header("content-type", kind)
                .body(manifest.to_string()),
        );
    }

    fn subject(&self, tag: &str) -> Value {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let request = self.client.get(format!("{}/manifests/{tag}", self.base));
        let (headers, body) = self.send(request.header("accept", kind));
        let digest = headers["docker-content-digest"].to_str().expect("text");
        json!({"mediaType": kind, "digest": digest, "size": body.len()})
    }
}

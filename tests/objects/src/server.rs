//! Object stores on this machine, each a process that ends with its value: versitygw for S3,
//! Azurite for Azure. The set-up script installs them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What Azurite gives everybody; it is in its documentation.
const AZURITE_ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running object store with one bucket, `blobs`.
pub struct ObjectServer {
    /// Its address, IP:PORT.
    pub address: String,
    /// Where it keeps everything; S3 has the bucket as a folder in it.
    pub folder: PathBuf,
    scheme: &'static str,
    /// Ends the server and removes its folder when its standard input ends, however this process
    /// does.
    supervisor: Child,
}

impl ObjectServer {
    /// S3, with a bucket `blobs`.
    pub fn s3() -> Self {
        let folder = folder();
        std::fs::create_dir(folder.join("blobs")).expect("a bucket");
        let mut command = supervised(&cached("tools/bin/versitygw"), &folder);
        command
            .env("ROOT_ACCESS_KEY", "tester")
            .env("ROOT_SECRET_KEY", "not-a-secret")
            .args(["--port", "127.0.0.1:0", "--quiet", "--keep-alive", "posix"])
            .arg(&folder);
        Self::start(command, folder, "s3")
    }

    /// The S3 server that all tests of this process share; each takes a prefix of its own.
    pub fn shared_s3() -> &'static Self {
        static SHARED: LazyLock<ObjectServer> = LazyLock::new(ObjectServer::s3);
        &SHARED
    }

    /// A prefix that nobody of this process has had.
    pub fn prefix(&self) -> String {
        static PREFIXES: AtomicU32 = AtomicU32::new(0);
        format!("p{}", PREFIXES.fetch_add(1, Ordering::Relaxed))
    }

    /// Azure storage, with a container `blobs`.
    pub fn azure() -> Self {
        let folder = folder();
        let mut command = supervised(&cached("azurite/node_modules/.bin/azurite-blob"), &folder);
        command
            .args([
                "--blobPort",
                "0",
                "--silent",
                "--disableTelemetry",
                "--location",
            ])
            .arg(&folder);
        let server = Self::start(command, folder, "az");
        make_container(&server.address);
        server
    }

    /// Starts a server that takes any port, and finds out which one it took.
    fn start(mut command: Command, folder: PathBuf, scheme: &'static str) -> Self {
        const PATIENCE: Duration = Duration::from_secs(60);
        let mut supervisor = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut told = BufReader::new(supervisor.stdout.take().expect("its output"));
        let mut line = String::new();
        told.read_line(&mut line).expect("the server's number");
        let process: u32 = line.trim().parse().expect("the server's number");
        let started = Instant::now();
        let port = loop {
            if let Some(port) = listening_port(process) {
                break port;
            }
            let waited = started.elapsed();
            assert!(
                waited < PATIENCE && Path::new(&format!("/proc/{process}")).exists(),
                "{command:?} does not listen; `make setup` installs what it needs"
            );
            pause(Duration::from_millis(50));
        };
        Self {
            address: format!("127.0.0.1:{port}"),
            folder,
            scheme,
            supervisor,
        }
    }

    /// Where everything below `prefix` is, and how it is reached.
    pub fn place(&self, prefix: &str) -> Place {
        let (path, access_key, secret) = match self.scheme {
            "az" => ("/devstoreaccount1", AZURITE_ACCOUNT, AZURITE_KEY),
            _ => ("", "tester", "not-a-secret"),
        };
        Place {
            url: format!("{}://blobs/{prefix}", self.scheme),
            endpoint: format!("http://{}{path}", self.address),
            region: "us-east-1",
            access_key,
            secret,
        }
    }

    /// The objects below a prefix, and the parts of uploads into it that are not finished; nothing
    /// where the server keeps them in a form of its own.
    pub fn files(&self, prefix: &str) -> Option<Vec<String>> {
        let bucket = self.folder.join("blobs");
        let mut found = Vec::new();
        for folder in [prefix, ".sgwtmp/multipart"] {
            collect(&bucket.join(folder), &mut found);
        }
        let names = found
            .iter()
            .filter_map(|path| path.strip_prefix(&bucket).ok());
        let names = names.map(|path| path.to_string_lossy().into_owned());
        bucket.exists().then(|| names.collect())
    }
}

/// How a prefix in a bucket is reached.
pub struct Place {
    /// `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub url: String,
    /// The server's address.
    pub endpoint: String,
    /// The bucket's region.
    pub region: &'static str,
    /// Who may use it.
    pub access_key: &'static str,
    /// What proves that.
    pub secret: &'static str,
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => collect(&path, found),
            false => found.push(path),
        }
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        drop(self.supervisor.wait());
    }
}

/// A folder that the supervisor removes.
fn folder() -> PathBuf {
    tempfile::tempdir().expect("a folder").keep()
}

/// A program that ends with the shell that started it, and that shell with its standard input.
fn supervised(program: &Path, folder: &Path) -> Command {
    const SCRIPT: &str = "folder=$1; shift; \"$@\" >/dev/null 2>&1 & server=$!; echo $server; \
                          read -r _; kill $server; wait $server; rm -rf \"$folder\"";
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh"]).arg(folder).arg(program);
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server starts once for many tests, and none can run before"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The port of a process' listening socket, as the kernel knows it.
fn listening_port(process: u32) -> Option<u16> {
    const LISTENING: &str = "0A";
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .ok()?
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?;
            Some(inode.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ours = fields.get(3) == Some(&LISTENING) && sockets.iter().any(|it| it == fields[9]);
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        ours.then(|| u16::from_str_radix(port, 16).ok()).flatten()
    })
}

/// Azurite makes containers on request only, and the request must be signed.
fn make_container(address: &str) {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
        .expect("a date");
    let version = "2023-11-03";
    let to_sign = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{version}\n\
         /{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/blobs\nrestype:container"
    );
    let key = BASE64.decode(AZURITE_KEY).expect("a key");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
    mac.update(to_sign.as_bytes());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    let request = format!(
        "PUT /{AZURITE_ACCOUNT}/blobs?restype=container HTTP/1.1\r\nHost: {address}\r\n\
         x-ms-date: {date}\r\nx-ms-version: {version}\r\nContent-Length: 0\r\n\
         Authorization: SharedKey {AZURITE_ACCOUNT}:{signature}\r\nConnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

fn cached(path: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(|| PathBuf::from("/var/cache"));
    cache.join("packyard").join(path)
}

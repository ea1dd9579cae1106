//! The proxy over its socket, before servers and proxies of this host.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use proxies::Proxies;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::dial::Dialler;
use super::judge::Judge;
use super::names::Names;
use super::proxy::{CONNECTIONS, GuestProxy, IDLE};

/// All names lead to one place; counts who asks.
struct Pointing {
    to: Vec<IpAddr>,
    asked: AtomicUsize,
}

#[async_trait]
impl Names for Pointing {
    async fn find(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.to.clone())
    }
}

struct Case {
    folder: TempDir,
    proxy: GuestProxy,
    names: Arc<Pointing>,
}

impl Case {
    fn new(rules: Option<&[String]>) -> Self {
        Self::with(rules, "127.0.0.1", Proxies::none(), IDLE)
    }

    fn with(rules: Option<&[String]>, to: &str, proxies: Proxies, idle: Duration) -> Self {
        let rules = rules.map(|rules| rules.iter().map(|rule| rule.parse().unwrap()).collect());
        let names = Arc::new(Pointing {
            to: vec![to.parse().unwrap()],
            asked: AtomicUsize::new(0),
        });
        let folder = tempfile::tempdir().unwrap();
        let dialler = Dialler {
            judge: Judge(rules),
            proxies,
            names: names.clone(),
        };
        let proxy = GuestProxy::with_idle(folder.path().join("proxy"), dialler, idle).unwrap();
        Self {
            folder,
            proxy,
            names,
        }
    }

    async fn open(&self) -> UnixStream {
        UnixStream::connect(self.proxy.socket()).await.unwrap()
    }

    /// Everything that comes back for these bytes.
    async fn ask(&self, bytes: &str) -> String {
        let mut stream = self.open().await;
        // Whoever says no may not wait for the end of what it refuses.
        drop(stream.write_all(bytes.as_bytes()).await);
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
        drop(read.expect("an answer"));
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(&self, host: &str) -> String {
        self.ask(&format!("GET http://{host}/x HTTP/1.1\r\nhost: other\r\nconnection: close, x-mine\r\nx-mine: 1\r\nproxy-authorization: Basic guest\r\n\r\n"))
            .await
    }

    fn lookups(&self) -> usize {
        self.names.asked.load(Ordering::SeqCst)
    }
}

/// Answers every connection with `answer` and the head of the request as its body; after a
/// tunnel was asked for, it echoes.
async fn server(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, status));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, status: &str) -> io::Result<()> {
    let mut head = vec![0; 8192];
    let read = stream.read(&mut head).await?;
    let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
    if head.starts_with("connect") && status == "200" {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        stream.write_all(head.as_bytes()).await?;
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await?;
        return Ok(());
    }
    let length = head.len();
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n{head}");
    stream.write_all(answer.as_bytes()).await
}

fn rules(texts: &[&str], address: SocketAddr) -> Vec<String> {
    let port = address.port();
    texts.iter().map(|text| format!("{text}:{port}")).collect()
}

#[tokio::test]
async fn what_is_listed_is_reached_and_learns_only_what_it_should() {
    let origin = server("200").await;
    let case = Case::new(Some(&rules(&["deb.test", "127.0.0.1"], origin)));
    let host = format!("deb.test:{}", origin.port());
    let answer = case.get(&host).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(seen.starts_with("get /x http/1.1"), "{seen}");
    assert!(seen.contains(&format!("host: {host}")), "{seen}");
    for hidden in ["proxy-authorization", "x-mine", "other"] {
        assert!(!seen.contains(hidden), "{hidden} in {seen}");
    }
    assert!(case.proxy.refusal().is_none());
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_ends_with_the_proxy() {
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = origin.local_addr().unwrap();
    let case = Case::new(Some(&rules(&["deb.test", "127.0.0.1"], address)));
    let mut guest = case.open().await;
    let ask = format!("CONNECT deb.test:{} HTTP/1.1\r\n\r\n", address.port());
    guest.write_all(ask.as_bytes()).await.unwrap();
    let (mut far, _) = origin.accept().await.unwrap();
    far.write_all(b"down").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"down") {
        let mut piece = [0; 64];
        let read = guest.read(&mut piece).await.unwrap();
        assert!(read > 0, "{seen:?}");
        seen.extend_from_slice(&piece[..read]);
    }
    assert!(seen.starts_with(b"HTTP/1.1 200 "), "{seen:?}");
    guest.write_all(b"up").await.unwrap();
    let mut up = [0; 2];
    far.read_exact(&mut up).await.unwrap();
    assert_eq!(&up, b"up");
    let socket = case.proxy.socket().to_owned();
    drop(case.proxy);
    assert_eq!(guest.read(&mut up).await.unwrap_or_default(), 0);
    assert_eq!(far.read(&mut up).await.unwrap_or_default(), 0);
    assert!(!socket.exists());
    drop(case.folder);
}

#[tokio::test]
async fn what_is_not_listed_is_refused_in_a_sentence_and_told_once() {
    let case = Case::new(Some(&["deb.test".to_owned()]));
    let refused = [
        case.get("evil.test").await,
        case.get("evil.test").await,
        case.ask("CONNECT evil.test:443 HTTP/1.1\r\nconnection: close\r\n\r\n")
            .await,
        case.get("deb.test:8080").await,
        case.get("127.0.0.1").await,
    ];
    for answer in &refused {
        let (line, body) = answer.split_once("\r\n").unwrap();
        assert!(line.starts_with("HTTP/1.1 403 "), "{line}");
        assert!(
            line.contains("builder.reach") && body.contains("builder.reach"),
            "{answer}"
        );
    }
    assert!(
        refused[0].contains("evil.test:80 is not allowed"),
        "{}",
        refused[0]
    );
    assert_eq!(
        case.lookups(),
        0,
        "nobody looks up what may not be asked for"
    );
    let told: Vec<String> = std::iter::from_fn(|| case.proxy.refusal())
        .map(|refusal| refusal.target.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "evil.test:80",
            "evil.test:443",
            "deb.test:8080",
            "127.0.0.1:80"
        ]
    );
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_by_where_it_leads() {
    let origin = server("200").await;
    let named = rules(&["deb.test"], origin);
    for (inside, list) in [
        ("127.0.0.1", Some(named.as_slice())),
        ("169.254.169.254", Some(&named)),
        ("10.1.2.3", Some(&named)),
        ("127.0.0.1", None),
    ] {
        let case = Case::with(list, inside, Proxies::none(), IDLE);
        let host = format!("deb.test:{}", origin.port());
        for answer in [
            case.get(&host).await,
            case.ask(&format!(
                "CONNECT {host} HTTP/1.1\r\nconnection: close\r\n\r\n"
            ))
            .await,
        ] {
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
            assert!(answer.contains(&format!("leads to {inside}")), "{answer}");
        }
        assert_eq!(
            case.lookups(),
            2,
            "an answer is looked at and used, and not asked for again"
        );
    }
}

#[tokio::test]
async fn the_proxy_of_the_site_is_asked_with_its_credential_and_by_name() {
    let upstream = server("200").await;
    let url = format!("http://ann:hush@{upstream}").parse().unwrap();
    let proxies = Proxies::new(url).without(&["direct.test".parse().unwrap()]);
    let list = ["deb.test".to_owned(), "direct.test".to_owned()];
    let case = Case::with(Some(&list), "10.255.255.1", proxies, IDLE);
    let plain = case.get("deb.test").await;
    let (seen, credential) = (
        plain.to_lowercase(),
        "proxy-authorization: basic yw5uomh1c2g=",
    );
    assert!(
        seen.contains("get http://deb.test/x") && seen.contains(credential),
        "{plain}"
    );
    let mut guest = case.open().await;
    guest
        .write_all(b"CONNECT deb.test:443 HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    guest.read_exact(&mut [0; 12]).await.unwrap();
    guest.shutdown().await.unwrap();
    let mut tunnel = String::new();
    guest.read_to_string(&mut tunnel).await.unwrap();
    assert!(
        tunnel.contains("connect deb.test:443") && tunnel.contains(credential),
        "{tunnel}"
    );
    assert_eq!(case.lookups(), 0, "the proxy looks names up");
    assert!(case.get("evil.test").await.starts_with("HTTP/1.1 403 "));
    let direct = case.get("direct.test").await;
    assert!(direct.contains("leads to 10.255.255.1"), "{direct}");
}

#[tokio::test]
async fn a_proxy_that_says_no_is_named_without_its_password() {
    let upstream = server("407").await;
    let proxies = Proxies::new(format!("http://ann:hush@{upstream}").parse().unwrap());
    let case = Case::with(None, "127.0.0.1", proxies, IDLE);
    let answer = case
        .ask("CONNECT deb.test:443 HTTP/1.1\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(
        answer.contains("407") && answer.contains(&upstream.to_string()),
        "{answer}"
    );
    assert!(
        !answer.contains("hush") && !answer.contains("ann"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_is_no_request_for_a_proxy_is_refused() {
    let case = Case::new(Some(&["deb.test".to_owned()]));
    let check = async |request: &str, expect: &str| {
        let shown: String = request.chars().take(60).collect();
        let answer = case.ask(request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {expect} ")),
            "{shown}: {answer}"
        );
    };
    let close = "HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    check(&format!("GET / {close}"), "400").await;
    check(&format!("GET https://deb.test/ {close}"), "400").await;
    check(&format!("GET http://ann:x@deb.test/ {close}"), "400").await;
    check(&format!("GET http://127.1/ {close}"), "400").await;
    check(&format!("CONNECT deb.test {close}"), "400").await;
    check("\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n", "400").await;
    let large = "x".repeat(200_000);
    check(
        &format!("GET http://deb.test/ HTTP/1.1\r\nx: {large}\r\n\r\n"),
        "431",
    )
    .await;
    let path = format!("GET http://deb.test/{large} {close}");
    assert!(case.ask(&path).await.starts_with("HTTP/1.1 4"));
    assert_eq!(case.lookups(), 0);
}

#[tokio::test]
async fn connections_are_bounded_and_idle_ones_end() {
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = origin.local_addr().unwrap();
    let list = rules(&["deb.test", "127.0.0.1"], address);
    let case = Case::with(
        Some(&list),
        "127.0.0.1",
        Proxies::none(),
        Duration::from_millis(300),
    );
    let ask = format!("CONNECT deb.test:{} HTTP/1.1\r\n\r\n", address.port());
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut guest = case.open().await;
        guest.write_all(b"GET").await.unwrap();
        open.push(guest);
    }
    let full = case.ask(&ask).await;
    assert!(full.starts_with("HTTP/1.1 503 "), "{full}");
    drop(open);
    // The places come back a moment after the connections end.
    let mut answer = String::new();
    for _ in 0..100 {
        answer = case.ask(&ask).await;
        if !answer.starts_with("HTTP/1.1 503 ") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nothing was sent through it: it ended by itself.
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

//! What the environment and the configuration say, and what reqwest makes of it.

use http::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Direct, Proxies, ProxyUrl};

fn environment(variables: &[(&str, &str)]) -> Result<Proxies, String> {
    let read = |name: &str| {
        let mut found = variables.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, text)| (*text).to_owned())
    };
    Proxies::from_environment(read).map_err(|error| error.to_string())
}

fn way(proxies: &Proxies, url: &str) -> Option<String> {
    let uri: Uri = url.parse().unwrap();
    let way = proxies.way_to(&uri)?;
    Some(way.uri().authority().unwrap().to_string())
}

#[test]
fn the_environment_is_read_as_curl_reads_it() {
    let proxies = environment(&[
        ("http_proxy", "plain.example:3128"),
        ("HTTPS_PROXY", "http://tls.example:3129"),
        ("NO_PROXY", "corp.example, 10.0.0.0/8"),
    ])
    .unwrap();
    let check = |url: &str, expect: Option<&str>| {
        assert_eq!(way(&proxies, url).as_deref(), expect, "{url}");
    };
    check("http://a.example/", Some("plain.example:3128"));
    check("https://a.example/", Some("tls.example:3129"));
    check("https://corp.example/", None);
    check("https://git.corp.example/", None);
    check("https://notcorp.example/", Some("tls.example:3129"));
    check("http://10.1.2.3/", None);
    check("http://11.1.2.3/", Some("plain.example:3128"));
    for here in [
        "localhost",
        "x.localhost",
        "127.0.0.1:5000",
        "127.9.9.9",
        "[::1]:80",
    ] {
        check(&format!("http://{here}/"), None);
    }
    let all = environment(&[("ALL_PROXY", "http://all.example"), ("HTTP_PROXY", "")]).unwrap();
    assert_eq!(
        way(&all, "http://a.example/").as_deref(),
        Some("all.example")
    );
    assert!(environment(&[("NO_PROXY", "x")]).unwrap().is_empty());
}

#[test]
fn what_is_no_proxy_is_refused_without_its_password() {
    for (text, why) in [
        ("socks5://u:hush-hush@p.example:1080", "no HTTP proxy"),
        ("http://u:hush-hush@p.example/path", "has a path"),
        ("http://u:hush-hush@", "no address"),
        ("ftp://p.example", "no HTTP proxy"),
    ] {
        let said = environment(&[("https_proxy", text)]).unwrap_err();
        assert!(said.contains("https_proxy") && said.contains(why), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
    let proxy: ProxyUrl = "http://ann:hush%21@p.example:3128".parse().unwrap();
    let shown = format!("{proxy} {proxy:?} {:?}", Proxies::new(proxy.clone()));
    assert!(
        shown.contains("p.example:3128") && !shown.contains("hush"),
        "{shown}"
    );
    assert!(proxy.secrets().contains(&"hush!".to_owned()));
    assert!(proxy.secrets().contains(&"YW5uOmh1c2gh".to_owned()));
}

#[test]
fn exceptions_are_names_addresses_and_networks() {
    let direct = |text: &str| text.parse::<Direct>();
    let proxies = Proxies::new("http://p.example:1".parse().unwrap());
    let proxies = proxies.without(&[
        direct("*.corp.example").unwrap(),
        direct("fd00::/8").unwrap(),
    ]);
    assert_eq!(way(&proxies, "https://git.corp.example/"), None);
    assert_eq!(way(&proxies, "https://[fd00::1]/"), None);
    assert!(way(&proxies, "https://a.example/").is_some());
    for bad in [
        "",
        "a b",
        "http://x",
        "10.0.0.0/33",
        "a,b",
        "x*y",
        "*.",
        "10.0.0.1:80",
    ] {
        assert!(direct(bad).is_err(), "{bad}");
    }
    for good in ["*", ".x", "x", "10.0.0.1", "::1"] {
        assert!(direct(good).is_ok(), "{good}");
    }
}

/// The first line of the request that reaches the listener.
async fn first_line(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = vec![0; 4096];
    let read = stream.read(&mut head).await.unwrap();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    let head = String::from_utf8_lossy(&head[..read]).into_owned();
    head.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_client_goes_through_the_proxy_but_never_to_this_machine() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap();
    let proxies = Proxies::new(format!("http://{address}").parse().unwrap());
    let client = proxies.apply(reqwest::Client::builder()).build().unwrap();

    let far = client.get("http://far.example/x").send();
    let (line, answer) = tokio::join!(first_line(&proxy), far);
    assert_eq!(line, "GET http://far.example/x HTTP/1.1");
    assert!(answer.unwrap().status().is_success());

    let near = format!("http://{}/y", server.local_addr().unwrap());
    let (line, answer) = tokio::join!(first_line(&server), client.get(near).send());
    assert_eq!(line, "GET /y HTTP/1.1");
    assert!(answer.unwrap().status().is_success());
}

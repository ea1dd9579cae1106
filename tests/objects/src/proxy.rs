//! A network that fails on demand: it stands between a store and its server, and spoils what it
//! is told to spoil. Each request has a connection of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An answer without the server's knowledge: 500, or 503 as S3 says to slow down.
    Status(u16),
    /// Nothing comes back, for as long as anybody waits.
    Silence,
    /// The connection breaks after half of the body.
    CutRequest,
    /// The server does as it is told, and nobody hears of it.
    LoseAnswer,
    /// The connection breaks after half of the answer.
    CutAnswer,
}

struct Rule {
    method: &'static str,
    target: &'static str,
    fault: Fault,
    times: u32,
}

/// The proxy; it ends with its value.
pub struct Proxy {
    /// Where a store reaches it, IP:PORT.
    pub address: String,
    rules: Arc<Mutex<Vec<Rule>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A proxy in front of a server.
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let rules = Arc::new(Mutex::new(Vec::new()));
        let (server, known) = (server.to_owned(), Arc::clone(&rules));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, rules) = (server.clone(), Arc::clone(&known));
                // A broken connection is what this is about.
                tokio::spawn(async move { drop(serve(client, &server, &rules).await) });
            }
        });
        Self {
            address,
            rules,
            task,
        }
    }

    /// Spoils the next requests of this method whose target contains the text.
    pub fn spoil(&self, method: &'static str, target: &'static str, fault: Fault, times: u32) {
        let mut rules = self.rules.lock().expect("the rules");
        rules.push(Rule {
            method,
            target,
            fault,
            times,
        });
    }

    /// From now on all is well; how many requests would still have been spoilt.
    pub fn repair(&self) -> u32 {
        let mut rules = self.rules.lock().expect("the rules");
        rules.drain(..).map(|rule| rule.times).sum()
    }
}

struct Request {
    head: String,
    body: Vec<u8>,
}

async fn serve(
    mut client: TcpStream,
    server: &str,
    rules: &Mutex<Vec<Rule>>,
) -> std::io::Result<()> {
    let Some((head, mut begun)) = read_head(&mut client).await? else {
        return Ok(());
    };
    let fault = choose(&head, rules);
    let length = content_length(&head);
    if fault == Some(Fault::CutRequest) {
        let mut half = vec![0; (length / 2).saturating_sub(begun.len())];
        client.read_exact(&mut half).await?;
        return Ok(());
    }
    let mut rest = vec![0; length.saturating_sub(begun.len())];
    client.read_exact(&mut rest).await?;
    begun.extend(rest);
    let request = Request { head, body: begun };
    match fault {
        Some(Fault::Status(status)) => {
            let answer = answer(status);
            client.write_all(answer.as_bytes()).await
        }
        Some(Fault::Silence) => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(())
        }
        fault => {
            let answer = forward(server, request).await?;
            match fault {
                Some(Fault::LoseAnswer) => Ok(()),
                Some(Fault::CutAnswer) => client.write_all(&answer[..answer.len() / 2]).await,
                _ => client.write_all(&answer).await,
            }
        }
    }
}

fn choose(head: &str, rules: &Mutex<Vec<Rule>>) -> Option<Fault> {
    let (method, rest) = head.split_once(' ')?;
    let (target, _) = rest.split_once(' ')?;
    let mut rules = rules.lock().expect("the rules");
    let rule = rules
        .iter_mut()
        .find(|rule| rule.times > 0 && rule.method == method && target.contains(rule.target))?;
    rule.times -= 1;
    Some(rule.fault)
}

async fn read_head(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), body)));
        }
        match client.read(&mut buffer).await? {
            0 => return Ok(None),
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    }
}

fn content_length(head: &str) -> usize {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

/// The server's whole answer. Neither side keeps the connection.
async fn forward(server: &str, request: Request) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let head = request.head.trim_end();
    stream
        .write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())
        .await?;
    stream.write_all(&request.body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn answer(status: u16) -> String {
    let code = match status {
        503 => "SlowDown",
        _ => "InternalError",
    };
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    format!(
        "HTTP/1.1 {status} {code}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

//! Asking servers that answer slowly, wrongly or not at all.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use super::*;

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
const RIGHT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that answers each request after a pause, never two at once.
fn serve(pause: Duration, answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let turn: &'static Mutex<()> = Box::leak(Box::default());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_each(stream, pause, answer, turn));
        }
    });
    address
}

fn answer_each(mut stream: TcpStream, pause: Duration, answer: &[u8], turn: &Mutex<()>) {
    let mut request = [0; REQUEST.len()];
    while stream.read_exact(&mut request).is_ok() {
        let _turn = turn.lock().unwrap();
        crate::server::pause(pause);
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

fn ask(address: SocketAddr, per_second: u32, millis: u64) -> OnTime {
    let schedule = Schedule {
        per_second,
        warm_up: Duration::ZERO,
        time: Duration::from_millis(millis),
    };
    let mut judge = |status, body: &[u8]| {
        ensure!(status == 200 && body == b"ok", "not the right answer");
        Ok(())
    };
    ask_on_time(address, REQUEST, 4, schedule, &mut judge).unwrap()
}

#[test]
fn waiting_for_a_slow_server_counts_from_when_a_request_was_due() {
    // 40 requests in 400 ms, of which it answers one in 20 ms at most: the last of them
    // waits for 400 ms, though no answer takes the server longer than 20.
    let found = ask(serve(Duration::from_millis(20), RIGHT), 100, 400);
    assert_eq!((found.errors, found.latency.count()), (0, 40));
    assert!(found.latency.longest_millis() > 350.0);
    assert!(found.latency.millis(0.5) > 150.0);
    assert!(found.lateness.longest_millis() > 250.0);
}

#[test]
fn a_quick_server_is_asked_at_the_rate_and_no_faster() {
    let began = Instant::now();
    let found = ask(serve(Duration::ZERO, RIGHT), 100, 300);
    assert!(began.elapsed() >= Duration::from_millis(290));
    assert_eq!((found.errors, found.latency.count()), (0, 30));
}

#[test]
fn wrong_answers_and_closed_connections_are_errors() {
    let wrong = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    let found = ask(serve(Duration::ZERO, wrong), 100, 100);
    assert_eq!(found.errors, 10);
    assert_eq!(found.first_error.as_deref(), Some("not the right answer"));
    let closed = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let found = ask(serve(Duration::ZERO, closed), 100, 100);
    assert_eq!(found.errors, 0, "a server may close once it has answered");
    let found = ask(serve(Duration::ZERO, b"no HTTP\r\n\r\n"), 100, 100);
    assert_eq!(found.errors, 10);
}

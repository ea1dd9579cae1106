//! What the main job cost: read from the kernel about the server's own process.
//!
//! QEMU and Ansible are processes of their own and are not counted.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Clock ticks per second in /proc; Linux shows 100 to programs on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds that a process has used by itself.
pub(super) fn cpu_secs(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .context("read the server's CPU time")?;
    parse_cpu_secs(&stat)
}

fn parse_cpu_secs(stat: &str) -> Result<f64> {
    // The program's name stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("find the end of the name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64> {
        Ok(fields.get(index).context("find the CPU time")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Resident memory of a process in MB.
pub(super) fn resident_mb(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .context("read the server's memory")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("find VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0 / 1_000_000.0)
}

/// How long the server itself takes to answer "this image, please": the best of some tries, in milliseconds.
pub(super) fn answer_ms(url: &str, profile: &str) -> Result<f64> {
    let host = url
        .strip_prefix("http://")
        .context("a loopback address without TLS")?;
    let body = serde_json::json!({ "profile": profile, "provider": "qemu", "regions": ["local"] })
        .to_string();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let started = Instant::now();
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "POST /api/v1/images HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(
            answer.starts_with("HTTP/1.1 200"),
            "wanted 200, got {}",
            answer.lines().next().unwrap_or_default()
        );
        best = best.min(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_cpu_time_past_an_odd_name() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 1 0 0 0 150 50 7 7 20 0 9 0 1 1 1";
        assert!((parse_cpu_secs(stat).unwrap() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn reads_the_memory_of_a_real_process() {
        assert!(resident_mb(std::process::id()).unwrap() > 0.5);
    }
}

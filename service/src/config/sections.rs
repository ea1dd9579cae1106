//! The tables that every server has: where it listens, who may talk to it,
//! what it logs.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::collector::TraceHeaders;
use crate::section;

section! {
    /// Where the server listens, and its limits.
    pub struct ServerConfig in "server" {
        /// The address to listen on. Port 0 lets the system choose. On an address
        /// that is not loopback, authentication and TLS must be configured.
        pub listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 5000)), env "PACKYARD_LISTEN";
        /// The folder that keeps everything: database, blobs, builds. One server at
        /// a time may use it.
        pub data: PathBuf = PathBuf::from("packyard-data"), env "PACKYARD_DATA";
        /// The address under which clients reach the server, such as
        /// `https://packs.example.com`, when it stands behind a proxy. Its host is
        /// then accepted as the origin of web pages.
        pub public_url: Option<String> = None, env "PACKYARD_PUBLIC_URL";
        /// A file with the certificate chain, PEM.
        pub tls_certificate: Option<PathBuf> = None, env "PACKYARD_TLS_CERTIFICATE";
        /// A file with the certificate's private key, PEM.
        pub tls_key: Option<PathBuf> = None, env "PACKYARD_TLS_KEY";
        /// Serve an address that is not loopback without authentication or without
        /// TLS. Whoever reaches the port can then read, and change, everything.
        pub insecure: bool = false, env "PACKYARD_INSECURE";
        /// How many connections are served at once; more are answered with 503. The
        /// system's bound on open files, less 1024, is the other bound.
        pub max_connections: usize = 16_384, env "PACKYARD_MAX_CONNECTIONS";
        /// How long a client may take to send the header of a request; also how
        /// long an idle connection is kept.
        pub header_timeout_secs: u64 = 60, env "PACKYARD_HEADER_TIMEOUT_SECS";
        /// How long a transfer may make no progress before it is ended.
        pub stall_timeout_secs: u64 = 60, env "PACKYARD_STALL_TIMEOUT_SECS";
        /// How long requests in flight may take to finish when the server stops.
        pub shutdown_timeout_secs: u64 = 30, env "PACKYARD_SHUTDOWN_TIMEOUT_SECS";
    }
}

section! {
    /// Who may talk to the server.
    pub struct AuthConfig in "auth" {
        /// A file of users as `htpasswd -B` writes it. Only bcrypt is read. When it
        /// is set, every request but health checks must say who it is from.
        pub htpasswd: Option<PathBuf> = None, env "PACKYARD_HTPASSWD";
        /// The realm that clients show when they ask for a password.
        pub realm: String = "packyard".to_owned(), env "PACKYARD_REALM";
        /// How long a checked password is remembered, so that a client that sends
        /// it with each request does not pay for bcrypt each time. A changed file
        /// is seen after this time at the latest.
        pub cache_secs: u64 = 60, env "PACKYARD_AUTH_CACHE_SECS";
    }
}

section! {
    /// What is logged, to standard error.
    pub struct LogConfig in "log" {
        /// A level, or `target=level` pairs separated by commas.
        pub level: String = "info".to_owned(), env "PACKYARD_LOG";
        /// `text` for people, `json` for machines.
        pub format: LogFormat = LogFormat::Text, env "PACKYARD_LOG_FORMAT";
    }
}

section! {
    /// Where traces are sent, over OTLP/HTTP. A trace has the request for an image, the
    /// build that it queued, each try of a step, each Ansible task, and the requests to the
    /// registry.
    pub struct TracesConfig in "traces" {
        /// The base address of an OpenTelemetry collector, such as
        /// `http://127.0.0.1:4318`; `/v1/traces` is added. When it is not set, the standard
        /// `OTEL_EXPORTER_OTLP_ENDPOINT` counts; without both, nothing is traced.
        pub endpoint: Option<String> = None, env "PACKYARD_TRACES_ENDPOINT";
        /// Headers for the collector, as `name=value,name=value`, such as a token. They are
        /// never logged. When they are not set, the standard `OTEL_EXPORTER_OTLP_HEADERS`
        /// counts.
        pub headers: Option<TraceHeaders> = None, env "PACKYARD_TRACES_HEADERS";
        /// A file that holds those headers and nothing else.
        pub headers_file: Option<PathBuf> = None, env "PACKYARD_TRACES_HEADERS_FILE";
        /// The part of traces that is kept, from 0 to 1. A request that says of its own
        /// trace whether it is kept decides for itself.
        pub ratio: f64 = 1.0, env "PACKYARD_TRACES_RATIO";
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object on each line.
    Json,
}

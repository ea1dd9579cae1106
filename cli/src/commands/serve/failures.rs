//! What can keep a server from starting, each with its remedy.

use std::error::Error;
use std::path::Path;

use registry_store::StoreError;
use service::auth::HtpasswdError;
use service::collector::CollectorError;
use service::gate::UnsafeAddress;
use service::listener::ListenError;

use crate::error::CliError;

pub(super) fn users(error: &HtpasswdError) -> CliError {
    with_cause(CliError::usage(error.to_string()), error)
}

pub(super) fn address(error: &UnsafeAddress) -> CliError {
    CliError::usage(error.to_string()).hint(error.remedy())
}

pub(super) fn collector(error: &CollectorError) -> CliError {
    with_cause(CliError::usage(error.to_string()), error)
        .hint("see the table [traces] in the configuration, and OTEL_EXPORTER_OTLP_ENDPOINT in the environment")
}

pub(super) fn listen(error: &ListenError) -> CliError {
    let made = with_cause(CliError::failed(error.to_string()), error);
    match error {
        ListenError::InUse(address) => made
            .hint(format!(
                "choose another port: --listen {}:0 lets the system choose",
                address.ip()
            ))
            .hint(format!(
                "find who has it: ss -ltnp 'sport = :{}'",
                address.port()
            )),
        ListenError::Io { .. } => made.hint(
            "ports below 1024 need a right of their own; is the address one of this machine?",
        ),
        ListenError::Tls(_) => {
            made.hint("see server.tls_certificate and server.tls_key in the configuration")
        }
    }
}

pub(crate) fn store(error: &StoreError, folder: &Path) -> CliError {
    match error {
        StoreError::Locked { pid, .. } => {
            let who = pid
                .map(|pid| format!(", process {pid}"))
                .unwrap_or_default();
            CliError::failed(format!(
                "the data folder {} is in use by another server{who}",
                folder.display()
            ))
            .hint("stop that server, or choose another folder with --data DIR")
        }
        StoreError::NoDatabase { .. } => with_cause(CliError::failed(error.to_string()), error)
            .hint("check registry.database in the configuration: host, user, password, database")
            .hint("try the same address with psql"),
        StoreError::Backup { .. } => CliError::failed(error.to_string()),
        StoreError::Storage { .. } => CliError::failed(error.to_string())
            .hint("see the table [storage] in the configuration; `packyard config reference` lists its keys"),
        _ => {
            let made = CliError::failed(format!("cannot use the data folder {}", folder.display()));
            made.caused_by(error)
        }
    }
}

fn with_cause(made: CliError, error: &(dyn Error + 'static)) -> CliError {
    match error.source() {
        Some(cause) => made.caused_by(cause),
        None => made,
    }
}

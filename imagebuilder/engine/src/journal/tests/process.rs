//! Journals for tests: a file, or a database of a real server that several processes share.

use database::Database;
use tempfile::TempDir;

use super::postgres;
use crate::journal::builds::NewBuild;
use crate::journal::{Here, Journal};

/// A process on a journal.
pub(in crate::journal) struct Process {
    pub(in crate::journal) journal: Journal,
    database: Database,
    _folder: TempDir,
}

async fn open(database: Database, host: &str) -> Process {
    let folder = tempfile::tempdir().expect("a folder");
    let here = Here {
        host: host.to_owned(),
        place: host.to_owned(),
    };
    let file = folder.path().join("test.db");
    let journal = Journal::open(&database, &file, here)
        .await
        .expect("a journal");
    Process {
        journal,
        database,
        _folder: folder,
    }
}

/// The same test on both databases.
pub(in crate::journal) struct Both;

impl Both {
    pub(in crate::journal) async fn each(test: impl AsyncFn(Process)) {
        test(open(Database::Sqlite, "one").await).await;
        test(open(postgres(), "one").await).await;
    }

    pub(in crate::journal) async fn shared() -> Process {
        open(postgres(), "one").await
    }
}

/// Another process on the same PostgreSQL.
pub(in crate::journal) async fn other(than: &Process) -> Process {
    open(than.database.clone(), "two").await
}

pub(in crate::journal) fn new_build(project: &str, signature: &str) -> NewBuild {
    NewBuild {
        signature: signature.to_owned(),
        profile: format!("{project}/profiles/p:1"),
        project: project.to_owned(),
        request: "{}".to_owned(),
        pins: "{}".to_owned(),
        chain: "{}".to_owned(),
        fresh: false,
        provider: "fake".to_owned(),
        region: "local".to_owned(),
        size: "2x2048".to_owned(),
        priority: 0,
        deadline: None,
        trace: None,
    }
}

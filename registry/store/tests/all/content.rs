//! What every content store has to do: one suite, run on a folder, on S3 and on Azure.
//!
//! Each store's server is started once for the suite; each part of the suite has
//! a database and a prefix of its own.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_pack::{Algorithm, Digest};
use registry_store::{StorageConfig, Store, StoreError, Upload};
use sha2::Digest as _;

use tests_objects::ObjectServer;

use crate::support::{Backend, Case, Postgres, Sqlite, at_once, collect, config_of, name, noise};

/// Some more than two parts.
const LARGE: usize = (17 << 20) + 12_345;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_keeps_the_contract() {
    let suite = Suite { server: None };
    suite.run::<Sqlite>().await;
    what_is_sent_unread_is_the_same(suite.case("unread").await).await;
    a_long_push_is_whole(suite.case::<Sqlite>("long").await).await;
    what_the_disk_refuses_meanwhile_fails_the_push(suite.case("refused").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_keeps_the_contract() {
    let suite = Suite {
        server: Some(ObjectServer::s3()),
    };
    suite.run::<Postgres>().await;
    an_upload_moves_between_servers(suite.case("moves").await).await;
    one_server_at_a_time_writes(suite.case("one").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_keeps_the_contract() {
    let server = Some(ObjectServer::azure());
    Suite { server }.run::<Sqlite>().await;
}

struct Suite {
    server: Option<ObjectServer>,
}

impl Suite {
    async fn run<B: Backend>(&self) {
        any_way_to_cut_an_upload_gives_the_same_blob(self.case::<B>("cut").await).await;
        ranges_are_exact(self.case::<B>("ranges").await).await;
        nothing_is_a_blob_too(self.case::<B>("nothing").await).await;
        unacknowledged_bytes_are_cut_off(self.case::<B>("unacknowledged").await).await;
        another_algorithm_costs_one_read(self.case::<B>("algorithm").await).await;
        a_wrong_digest_leaves_nothing(self.case::<B>("wrong").await).await;
        what_is_given_up_leaves_nothing(self.case::<B>("given-up").await).await;
        a_digest_pushed_twice_is_kept_once(self.case::<B>("twice").await).await;
        released_bytes_go_and_pushed_ones_come_back(self.case::<B>("released").await).await;
    }

    async fn case<B: Backend>(&self, part: &str) -> Place<'_, B> {
        let storage = match &self.server {
            None => StorageConfig::Folder,
            Some(server) => StorageConfig::Objects(config_of(server, part)),
        };
        Place {
            case: Case::elsewhere(storage).await,
            server: self.server.as_ref(),
            part: part.to_owned(),
        }
    }
}

struct Place<'a, B> {
    case: Case<B>,
    server: Option<&'a ObjectServer>,
    part: String,
}

impl<B: Backend> Place<'_, B> {
    /// Everything that lies in the content store, where it can be looked into.
    fn stored(&self) -> Option<Vec<String>> {
        match self.server {
            None => Some([self.case.files("blobs"), self.case.files("uploads")].concat()),
            Some(server) => server.files(&self.part),
        }
    }

    fn is_empty(&self) -> bool {
        self.stored().is_none_or(|stored| stored.is_empty())
    }
}

async fn begin(store: &Store, repository: &str) -> String {
    let begun = store
        .start_upload(&name(repository), Algorithm::Sha256)
        .await;
    begun.expect("an upload").id
}

async fn go_on(store: &Store, repository: &str, id: &str, content: &[u8]) -> Upload {
    let upload = store.continue_upload(&name(repository), id).await;
    write(upload.expect("an upload"), content).await
}

async fn write(mut upload: Upload, content: &[u8]) -> Upload {
    // As frames come from a socket, and across the borders of parts.
    for frame in content.chunks(300_007) {
        let frame = Bytes::copy_from_slice(frame);
        upload.write(frame).await.expect("written");
    }
    upload
}

async fn any_way_to_cut_an_upload_gives_the_same_blob<B: Backend>(place: Place<'_, B>) {
    let store = &place.case.store;
    let content = noise(LARGE, 1);
    let part = 8 << 20;
    for (number, cuts) in [
        vec![],
        vec![LARGE],
        vec![1],
        vec![part],
        vec![part - 1, part, part + 1, 2 * part],
        vec![3 << 20, 6 << 20, 9 << 20, 12 << 20, LARGE],
    ]
    .into_iter()
    .enumerate()
    {
        // Each its own content: a blob that is there already would be the answer for the next.
        let mut content = content.clone();
        content[LARGE / 2] ^= number as u8 + 1;
        let digest = Digest::sha256(&content);
        let id = begin(store, "a").await;
        let mut from = 0;
        for cut in &cuts {
            let upload = go_on(store, "a", &id, &content[from..*cut]).await;
            let state = upload.suspend().await.expect("kept");
            assert_eq!(state.offset, *cut as u64);
            from = *cut;
        }
        let upload = go_on(store, "a", &id, &content[from..]).await;
        upload.finish(&digest).await.expect("a blob");
        let read = place.case.read("a", &digest).await.expect("content");
        assert!(read == content, "cut at {cuts:?}");
        if let Some(stored) = place.stored() {
            assert_eq!(stored.len(), number + 1, "{stored:?}");
        }
    }
}

async fn ranges_are_exact<B: Backend>(place: Place<'_, B>) {
    let content = noise(LARGE, 2);
    let blob = place.case.push("a", &content).await;
    let (size, part) = (LARGE as u64, 8 << 20);
    for range in [0..0, 0..1, part - 1..part + 1, size - 1..size, 5..size + 9] {
        let reader = place.case.store.read(&blob, range.clone()).await;
        let read: Vec<Bytes> = reader.expect("open").try_collect().await.expect("bytes");
        let expected = &content[range.start as usize..range.end.min(size) as usize];
        assert!(read.concat() == expected, "{range:?}");
    }
    let mut reader = place
        .case
        .store
        .open_blocking(&blob)
        .await
        .expect("a reader");
    let whole = tokio::task::spawn_blocking(move || {
        let mut whole = Vec::new();
        reader.read_to_end(&mut whole).map(|_| whole)
    });
    assert!(whole.await.expect("an end").expect("bytes") == content);
    let small = place.case.push("a", b"small").await;
    let store = &place.case.store;
    assert_eq!(store.read_small(&small, 5).await.expect("bytes"), "small");
    let error = store.read_small(&small, 4).await.expect_err("refused");
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
}

async fn nothing_is_a_blob_too<B: Backend>(place: Place<'_, B>) {
    let blob = place.case.push("a", b"").await;
    assert_eq!(
        place.case.read("a", &blob.digest).await.expect("bytes"),
        b""
    );
    let id = begin(&place.case.store, "b").await;
    let upload = go_on(&place.case.store, "b", &id, b"").await;
    upload.suspend().await.expect("kept");
    let upload = go_on(&place.case.store, "b", &id, b"").await;
    upload.finish(&blob.digest).await.expect("a blob");
}

async fn unacknowledged_bytes_are_cut_off<B: Backend>(place: Place<'_, B>) {
    let store = &place.case.store;
    let content = noise(LARGE, 3);
    let id = begin(store, "a").await;
    let upload = go_on(store, "a", &id, &content[..10_000_000]).await;
    upload.suspend().await.expect("kept");
    let upload = go_on(store, "a", &id, &noise(LARGE, 99)).await;
    drop(upload);
    let upload = settled(store, &id).await;
    assert_eq!(upload.offset(), 10_000_000);
    let upload = write(upload, &content[10_000_000..]).await;
    let digest = Digest::sha256(&content);
    upload.finish(&digest).await.expect("a blob");
    assert!(place.case.read("a", &digest).await.expect("content") == content);
}

/// What was dropped in the middle lets go in the background.
async fn settled(store: &Store, id: &str) -> Upload {
    for _ in 0..200 {
        match store.continue_upload(&name("a"), id).await {
            Ok(upload) => return upload,
            Err(StoreError::UploadBusy { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the upload stays busy");
}

async fn another_algorithm_costs_one_read<B: Backend>(place: Place<'_, B>) {
    let content = noise(LARGE, 4);
    let digest = Digest::from_sha512(sha2::Sha512::digest(&content).into());
    let id = begin(&place.case.store, "a").await;
    let upload = go_on(&place.case.store, "a", &id, &content).await;
    upload.suspend().await.expect("kept");
    let upload = go_on(&place.case.store, "a", &id, b"").await;
    upload.finish(&digest).await.expect("a blob");
    assert!(place.case.read("a", &digest).await.expect("content") == content);
}

async fn a_wrong_digest_leaves_nothing<B: Backend>(place: Place<'_, B>) {
    let wrong = Digest::sha256(b"something else");
    for length in [10, LARGE] {
        let id = begin(&place.case.store, "a").await;
        let upload = go_on(&place.case.store, "a", &id, &noise(length, 5)).await;
        let error = upload.finish(&wrong).await.expect_err("refused");
        assert!(
            matches!(error, StoreError::DigestMismatch { .. }),
            "{error}"
        );
        let error = place.case.store.upload(&name("a"), &id).await;
        assert!(matches!(error, Err(StoreError::UploadUnknown { .. })));
    }
    assert!(place.is_empty(), "{:?}", place.stored());
}

async fn what_is_given_up_leaves_nothing<B: Backend>(place: Place<'_, B>) {
    let store = &place.case.store;
    let id = begin(store, "a").await;
    let upload = go_on(store, "a", &id, &noise(LARGE, 6)).await;
    upload.suspend().await.expect("kept");
    store.cancel_upload(&name("a"), &id).await.expect("gone");
    assert!(place.is_empty(), "{:?}", place.stored());
    let mut upload = store
        .upload_at_once(&name("a"), Algorithm::Sha256)
        .await
        .expect("an upload");
    let frame = Bytes::from(noise(LARGE, 7));
    upload.write(frame).await.expect("written");
    upload.abandon().await;
    assert!(place.is_empty(), "{:?}", place.stored());
}

async fn a_digest_pushed_twice_is_kept_once<B: Backend>(place: Place<'_, B>) {
    let content = noise(9 << 20, 8);
    let pushes = (0..4).map(|number| {
        let (case, content) = (&place.case, &content);
        async move { case.push(&format!("r/{number}"), content).await }
    });
    let blobs = futures::future::join_all(pushes).await;
    if let Some(stored) = place.stored() {
        assert_eq!(stored.len(), 1, "{stored:?}");
    }
    for number in 0..4 {
        let repository = format!("r/{number}");
        let read = place.case.read(&repository, &blobs[0].digest);
        assert!(read.await.expect("content") == content);
    }
}

async fn released_bytes_go_and_pushed_ones_come_back<B: Backend>(place: Place<'_, B>) {
    let store = &place.case.store;
    let blob = place.case.push("a", b"released").await;
    store
        .delete_blob(&name("a"), &blob.digest)
        .await
        .expect("deleted");
    tokio::time::sleep(Duration::from_millis(5)).await;
    let done = collect(store, &at_once()).await;
    assert_eq!(done.blobs, 1);
    assert!(place.is_empty(), "{:?}", place.stored());
    place.case.push("a", b"released").await;
    let read = place.case.read("a", &blob.digest).await;
    assert_eq!(read.expect("content"), b"released");
}

/// More than one mapping, as a whole, in parts, and once more; and of the file that is there now.
async fn what_is_sent_unread_is_the_same(place: Place<'_, Sqlite>) {
    let store = &place.case.store;
    let border = 32 << 20;
    let content = noise(border + 700_000, 17);
    let blob = place.case.push("a", &content).await;
    let read = async |range: Range<usize>| {
        let range = range.start as u64..range.end as u64;
        let reader = store.read(&blob, range).await.expect("a reader");
        let pieces: Vec<Bytes> = reader.unread().try_collect().await.expect("bytes");
        pieces.concat()
    };
    let size = content.len();
    for range in [0..size, 0..size, 1..size - 1, border - 600_000..border + 1] {
        assert!(
            read(range.clone()).await == content[range.clone()],
            "{range:?}"
        );
    }
    // As a repair does it: the mappings of the one file say nothing of the other.
    let path = place
        .case
        .config
        .data_dir
        .join(&place.case.files("blobs")[0]);
    std::fs::rename(&path, path.with_extension("aside")).expect("moved");
    std::fs::write(&path, noise(size, 18)).expect("written");
    assert!(read(0..size).await == noise(size, 18));
    std::fs::rename(path.with_extension("aside"), &path).expect("moved back");
    assert!(read(0..size).await == content);
}

/// The disk gets a long push while it comes.
async fn a_long_push_is_whole<B: Backend>(place: Place<'_, B>) {
    let content = noise(70 << 20, 19);
    let digest = Digest::sha256(&content);
    let id = begin(&place.case.store, "a").await;
    let (first, second) = content.split_at(34 << 20);
    let upload = go_on(&place.case.store, "a", &id, first).await;
    upload.suspend().await.expect("kept");
    let upload = go_on(&place.case.store, "a", &id, second).await;
    upload.finish(&digest).await.expect("a blob");
    assert!(place.case.read("a", &digest).await.expect("content") == content);
}

/// The kernel says only once that something could not be written, and that may be while the rest
/// still comes.
async fn what_the_disk_refuses_meanwhile_fails_the_push(place: Place<'_, Sqlite>) {
    let store = &place.case.store;
    let id = begin(store, "a").await;
    let staged = place.case.config.data_dir.join("uploads").join(&id);
    std::fs::remove_file(&staged).expect("removed");
    // It takes everything, and refuses to be synced.
    std::os::unix::fs::symlink("/dev/null", &staged).expect("a link");
    let mut upload = store.continue_upload(&name("a"), &id).await.expect("ours");
    let frame = Bytes::from(vec![1; 1 << 20]);
    let mut written = 0;
    let error = loop {
        match upload.write(frame.clone()).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1000, "nobody noticed");
    };
    assert!(
        matches!(error, StoreError::Io { what: "sync", .. }),
        "{error:?}"
    );
    upload.abandon().await;
    assert_eq!(
        store.upload(&name("a"), &id).await.expect("a row").offset,
        0
    );
}

async fn an_upload_moves_between_servers(place: Place<'_, Postgres>) {
    let (one, two) = (&place.case.store, &place.case.another().await);
    let content = noise(2 * LARGE, 9);
    let id = begin(one, "a").await;
    let mut from = 0;
    for (number, cut) in [1_000, 9_000_000, 9_000_001, 26_000_000, 2 * LARGE]
        .into_iter()
        .enumerate()
    {
        let store = [one, two][number % 2];
        let mut upload = settled(store, &id).await;
        let frame = Bytes::copy_from_slice(&content[from..cut]);
        upload.write(frame).await.expect("written");
        upload.suspend().await.expect("kept");
        from = cut;
    }
    let digest = Digest::sha256(&content);
    let upload = settled(two, &id).await;
    upload.finish(&digest).await.expect("a blob");
    assert!(place.case.read("a", &digest).await.expect("content") == content);
    if let Some(stored) = place.stored() {
        assert_eq!(stored.len(), 1, "{stored:?}");
    }
    two.close().await;
}

async fn one_server_at_a_time_writes(place: Place<'_, Postgres>) {
    let (one, two) = (&place.case.store, &place.case.another().await);
    let id = begin(one, "a").await;
    let upload = go_on(one, "a", &id, b"mine").await;
    let error = two.continue_upload(&name("a"), &id).await.err();
    assert!(matches!(error, Some(StoreError::UploadBusy { .. })));
    let error = two.cancel_upload(&name("a"), &id).await;
    assert!(matches!(error, Err(StoreError::UploadBusy { .. })));
    upload.suspend().await.expect("kept");
    let mut upload = settled(two, &id).await;
    upload
        .write(Bytes::from_static(b" and yours"))
        .await
        .expect("written");
    let digest = Digest::sha256(b"mine and yours");
    upload.finish(&digest).await.expect("a blob");
    two.close().await;
}

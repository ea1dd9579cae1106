//! The contract suite against real QEMU.

use imagebuilder_provider::Media;
use imagebuilder_provider::contract::{self, Fixture};

use crate::host;

#[tokio::test(flavor = "multi_thread")]
async fn qemu_keeps_the_contract() {
    let host = host::Data::new();
    let fixture = Fixture {
        disk: host::empty_disk(host.folder()),
        disk_size_bytes: 2 * host::DISK_BYTES,
        media: Media {
            label: "PACKYARD".parse().unwrap(),
            dir: host::media_folder(host.folder()),
        },
    };
    contract::run(fixture, async || host.open().await).await;
}

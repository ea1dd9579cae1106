//! The configuration file.

use crate::program::{packyard, text};

#[test]
fn complaints_have_line_and_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("packyard.toml");
    std::fs::write(
        &file,
        "[server]\nlisten = \"127.0.0.1:0\"\n\n[registry]\nadmision = \"warn\"\n",
    )
    .expect("written");
    packyard(&["config", "check", text(&file)]).ends(
        2,
        &[
            "packyard.toml:5:1",
            "registry.admision",
            "did you mean admission?",
        ],
    );
    packyard(&["serve", "--config", text(&file)]).ends(2, &["registry.admision"]);
    std::fs::write(
        &file,
        "[registry]\nadmission = \"enforce\"\n[builder]\nslots = 2\n",
    )
    .expect("written");
    packyard(&["config", "check", text(&file)]).ends(0, &[]);
    packyard(&["config", "check", text(&folder.path().join("none"))]).ends(3, &["none"]);
}

#[test]
fn the_reference_has_every_table() {
    let reference = packyard(&["config", "reference"]).ends(0, &[]).stdout;
    for table in ["server", "auth", "log", "registry", "storage", "builder"] {
        assert!(reference.contains(&format!("## `[{table}]`")), "{table}");
    }
}

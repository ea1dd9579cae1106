//! The name and version that a Helm chart archive gives itself.
//!
//! Only the top `Chart.yaml` is looked at, either at the top of the archive
//! (two public packs ship such) or in its one top folder. Values and templates
//! are Helm's business.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::pack::Chart;
use crate::yaml;

/// Unpacked bytes that are looked through in all charts of a pack together, so
/// that a pack of small bombs costs a fraction of a second. `Chart.yaml` is the
/// first entry of what Helm writes.
pub(crate) const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of `Chart.yaml` that are read; a longer one does not parse.
const MAX_CHART_YAML: u64 = 1024 * 1024;

/// Reads a chart archive; whatever is wrong becomes part of the answer.
/// `budget` is how many bytes may still be unpacked, and is lowered.
pub(crate) fn read(archive: impl Read, budget: &mut u64) -> Chart {
    let mut unzipped = MultiGzDecoder::new(archive).take(*budget);
    let chart = find(&mut unzipped).unwrap_or_else(Chart::Unreadable);
    *budget = unzipped.limit();
    if *budget == 0 {
        return Chart::Unreadable(
            "the charts of this pack are too large to look through".to_owned(),
        );
    }
    chart
}

fn find(unzipped: impl Read) -> Result<Chart, String> {
    let mut tar = tar::Archive::new(unzipped);
    let unreadable = |error: std::io::Error| format!("it is no gzipped tar archive: {error}");
    // Raw: the library would hold a long name in memory, however long; the
    // path that is looked for is short.
    for entry in tar.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        let path = String::from_utf8_lossy(&entry.header().path_bytes()).into_owned();
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        let wanted = matches!(parts[..], ["Chart.yaml"] | [_, "Chart.yaml"]);
        if !wanted || !entry.header().entry_type().is_file() {
            continue;
        }
        let mut text = String::new();
        entry
            .by_ref()
            .take(MAX_CHART_YAML)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        return describe(&text);
    }
    Err("it has no Chart.yaml".to_owned())
}

fn describe(text: &str) -> Result<Chart, String> {
    let node = yaml::parse(text, "Chart.yaml").map_err(|error| error.to_string())?;
    let field = |key| {
        node.get(key)
            .and_then(|value| value.text())
            .unwrap_or_default()
            .to_owned()
    };
    let name = field("name");
    if name.is_empty() {
        return Err("its Chart.yaml has no name".to_owned());
    }
    // Helm allows 250 characters; these texts are kept for every chart.
    if name.len() > 250 || field("version").len() > 250 {
        return Err("its Chart.yaml has a name or version of more than 250 characters".to_owned());
    }
    Ok(Chart::Read {
        name,
        version: field("version"),
    })
}

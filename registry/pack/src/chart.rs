//! The name and version that a Helm chart archive gives itself.
//!
//! Only the top `Chart.yaml` is looked at, either at the top of the archive
//! (two public packs ship such) or in its one top folder. Values and templates
//! are Helm's business.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::pack::Chart;
use crate::yaml;

/// Unpacked bytes that are looked through. `Chart.yaml` is the first entry of
/// what Helm writes; the largest public chart is 9 MB unpacked.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of `Chart.yaml`.
const MAX_CHART_YAML: u64 = 1024 * 1024;

/// Reads a chart archive; whatever is wrong becomes part of the answer.
pub(crate) fn read(archive: impl Read) -> Chart {
    find(archive).unwrap_or_else(Chart::Unreadable)
}

fn find(archive: impl Read) -> Result<Chart, String> {
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive).take(MAX_BYTES));
    let unreadable = |error: std::io::Error| format!("it is no gzipped tar archive: {error}");
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        if !matches!(parts[..], ["Chart.yaml"] | [_, "Chart.yaml"]) {
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
    Ok(Chart::Read {
        name,
        version: field("version"),
    })
}

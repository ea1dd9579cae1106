//! The alert rules and the dashboard name metrics that exist.

use std::collections::BTreeSet;

use serde_json::Value;

const ALERTS: &str = include_str!("../../../../docs/operations/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../docs/operations/dashboard.json");

/// Every word that is a metric of ours, without what Prometheus adds to a histogram.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    let ours = words.filter(|word| word.starts_with("packyard_"));
    let plain = |word: &str| {
        let suffix = ["_bucket", "_sum", "_count"];
        let plain = suffix.iter().find_map(|end| word.strip_suffix(end));
        plain.unwrap_or(word).to_owned()
    };
    ours.map(plain).collect()
}

#[tokio::test]
async fn every_metric_that_is_named_exists_and_every_one_that_exists_is_shown() {
    let (_folder, engine) = super::engine().await;
    let known: BTreeSet<String> = engine.metric_names().into_iter().collect();
    let shown = named(DASHBOARD);
    assert_eq!(
        shown, known,
        "the dashboard shows each metric of the builder"
    );
    let missing: Vec<_> = named(ALERTS).difference(&known).cloned().collect();
    assert!(
        missing.is_empty(),
        "rules name what does not exist: {missing:?}"
    );
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert_eq!(dashboard["panels"].as_array().map(Vec::len), Some(10));
}

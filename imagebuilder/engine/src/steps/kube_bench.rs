//! Runs kube-bench on the machine, keeps its report whole, and lets the pack's policy judge it.

use imagebuilder_api::kubebench::{MAX_REPORT_BYTES, Report, Totals};
use imagebuilder_api::policy::{Verdict, evaluate};
use imagebuilder_api::{CheckSummary, StepName};
use jiff::Zoned;
use registry_pack::components::Purpose;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::ansible::Playbook;
use crate::build::Build;
use crate::failure::Failure;
use crate::playbook::{self, Task};
use crate::steps::run_stage::ident;
use crate::steps::{Outcome, Part};

/// In the build's folder.
pub(crate) const REPORT_FILE: &str = "kube-bench.json";
pub(crate) const VERDICT_FILE: &str = "kube-bench-verdict.json";
const TOOL: &str = "kube-bench";

/// What the record says of it; nothing where it was not run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Benched {
    pub(crate) checks: Vec<CheckSummary>,
    pub(crate) skipped: Option<String>,
}

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let resolved = build.resolved()?;
    if !resolved.installs_kubernetes() {
        let why = "skipK8sInstall is \"true\": Packyard put no Kubernetes on this image, so there is nothing for kube-bench to check";
        return Outcome::skipped(why).with(&Benched {
            skipped: Some(why.to_owned()),
            ..Benched::default()
        });
    }
    let tool = resolved
        .components
        .iter()
        .find(|one| one.purpose == Purpose::Tool && one.name == TOOL);
    if tool.is_none_or(|tool| tool.source != "bundle") {
        let message = format!(
            "{TOOL} is not in the bundle of {}; name it in components.yaml with purpose tool, and fill the bundle with `packyard pack bundle --push`",
            resolved.kubernetes_pack().name
        );
        return Err(Failure::person("ToolMissing", message));
    }
    let report = check(build).await?;
    let today = Zoned::now().date();
    let verdict = evaluate(&report, &resolved.policy, today);
    let path = build.path(VERDICT_FILE)?;
    let text = serde_json::to_vec_pretty(&verdict)
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    std::fs::write(&path, text)
        .map_err(|error| Failure::host(&format!("write {}", path.display()), &error))?;
    if !verdict.passed {
        return Err(Failure::person("PolicyFailed", verdict.to_string()));
    }
    let benched = Benched {
        checks: summaries(&report, &verdict),
        skipped: None,
    };
    Outcome::done(sentence(&report.totals, &verdict)).with(&benched)
}

async fn check(build: &Build) -> Result<Report, Failure> {
    let resolved = build.resolved()?;
    let machine = build.machine()?;
    let path = build.path(REPORT_FILE)?;
    drop(std::fs::remove_file(&path));
    let mut extra_vars = Map::new();
    extra_vars.insert(
        "kube_bench_benchmark".to_owned(),
        json!(resolved.policy.benchmark),
    );
    extra_vars.insert(
        "kube_bench_targets".to_owned(),
        json!(resolved.policy.targets),
    );
    extra_vars.insert("kube_bench_output".to_owned(), json!(path));
    let task = Task {
        step: StepName::KubeBench,
        ident: ident(TOOL, build.attempt),
        playbook: Playbook::Collection("kube_bench"),
        extra_vars,
        roles_paths: Vec::new(),
        timeout: build.shop.config.check_timeout,
    };
    playbook::run(build, &machine, task).await?;
    let failed = |why: String| {
        Failure::person(
            "ReportUnreadable",
            format!("kube-bench's report {}: {why}", path.display()),
        )
    };
    let size = std::fs::metadata(&path)
        .map_err(|error| failed(error.to_string()))?
        .len();
    if size > MAX_REPORT_BYTES as u64 {
        return Err(failed(format!(
            "it has {size} bytes, and {MAX_REPORT_BYTES} are read"
        )));
    }
    let bytes = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
    Report::parse(&bytes).map_err(|error| failed(error.to_string()))
}

/// One line per target.
fn summaries(report: &Report, verdict: &Verdict) -> Vec<CheckSummary> {
    let each = report.totals_per_target().into_iter();
    each.map(|(target, totals)| CheckSummary {
        name: format!("kube-bench {target}"),
        passed: verdict.passed,
        message: sentence(&totals, verdict),
        totals: Some(totals),
    })
    .collect()
}

fn sentence(totals: &Totals, verdict: &Verdict) -> String {
    format!(
        "{} pass, {} fail, {} warn; {verdict}",
        totals.pass, totals.fail, totals.warn
    )
}

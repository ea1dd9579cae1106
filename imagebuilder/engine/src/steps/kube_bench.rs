//! Runs kube-bench on the machine, keeps its report whole, and lets the pack's policy judge it.

use imagebuilder_api::CheckSummary;
use imagebuilder_api::kubebench::{MAX_REPORT_BYTES, Report, Totals};
use imagebuilder_api::policy::{Verdict, evaluate};
use jiff::Zoned;
use registry_pack::components::Purpose;
use serde::{Deserialize, Serialize};

use crate::ansible::Collection;
use crate::build::Build;
use crate::failure::Failure;
use crate::steps::{Outcome, Part};
use crate::{machine, media};

/// In the build's folder.
pub(crate) const REPORT_FILE: &str = "kube-bench.json";
pub(crate) const VERDICT_FILE: &str = "kube-bench-verdict.json";
const TOOL: &str = "kube-bench";
/// In the collection; its playbook `kube_bench` runs the same for those who have no Packyard.
const SCRIPT: &str = "playbooks/files/kube_bench.sh";

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

/// Has the collection's script run on the machine, over the connection that is open: a start
/// of Ansible for one task would take longer in an emulated guest than the checks.
async fn check(build: &Build) -> Result<Report, Failure> {
    let resolved = build.resolved()?;
    let machine = build.machine()?;
    let path = build.path(REPORT_FILE)?;
    let arguments = [
        media::COMPONENTS.to_owned(),
        resolved.policy.benchmark.clone(),
        resolved.policy.targets.join(","),
    ];
    let script = Collection.text(SCRIPT);
    let limit = build.shop.config.check_timeout;
    let checking = machine
        .ssh
        .root_bash("run kube-bench", script, &arguments, limit);
    let output = tokio::select! {
        output = checking => output?,
        lost = machine::watch(build, &machine.id) => return Err(lost),
    };
    let failed = |why: String| {
        Failure::person(
            "ReportUnreadable",
            format!("kube-bench's report {}: {why}", path.display()),
        )
    };
    let bytes = output.stdout;
    if bytes.len() > MAX_REPORT_BYTES {
        let size = bytes.len();
        return Err(failed(format!(
            "it has {size} bytes, and {MAX_REPORT_BYTES} are read"
        )));
    }
    // It quotes files of the guest, and goes to the registry.
    let bytes = match serde_json::from_slice(&bytes) {
        Ok(report) => build.masker().json(report).to_string().into_bytes(),
        Err(_) => build.mask(&String::from_utf8_lossy(&bytes)).into_bytes(),
    };
    std::fs::write(&path, &bytes).map_err(|error| failed(error.to_string()))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_in_the_collection() {
        assert!(Collection.text(SCRIPT).contains("kube-bench"));
    }
}

//! The guest's own logs, fetched before they go: its journal, and what cloud-init did.

use std::path::PathBuf;
use std::time::Duration;

use crate::build::Build;

/// In the build's folder.
const FOLDER: &str = "guest";
const SEAL_LOG: &str = "seal.log";
/// A guest that hangs keeps nobody for longer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Stands before each file; no log has a line that begins so.
const MARK: &str = "\u{1}packyard ";
/// One round trip. The end of a log says more than its beginning.
const SCRIPT: &str = "mark() { printf '\\n\\001packyard %s\\n' \"$1\"; }\n\
    mark journal.log; journalctl --no-pager --output short-iso 2>&1 | tail -c 2097152\n\
    for log in cloud-init.log cloud-init-output.log; do\n\
    mark $log; tail -c 1048576 /var/log/$log 2>&1; done; mark end\n";

/// Fetches what can be fetched. That it could not be stops no build.
pub(crate) async fn fetch(build: &Build) {
    let Ok(machine) = build.machine() else { return };
    if machine.is_sealed() {
        return;
    }
    let fetched = machine
        .ssh
        .root("read the guest's logs", SCRIPT, TIMEOUT)
        .await;
    let kept = match fetched {
        Ok(output) => keep(build, &output.text()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = kept {
        tracing::info!(build.id = %build.id, "the guest's logs are not kept: {}", build.mask(&why));
    }
}

/// Keeps what the seal said it took out.
pub(crate) fn keep_seal(build: &Build, said: &str) {
    let folder = build.folder.join(FOLDER);
    let kept = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(SEAL_LOG), build.mask(said)));
    if let Err(error) = kept {
        tracing::info!(build.id = %build.id, "what the seal said is not kept: {error}");
    }
}

fn keep(build: &Build, text: &str) -> std::io::Result<()> {
    let folder: PathBuf = build.folder.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    for (name, content) in files(text) {
        std::fs::write(folder.join(name), build.mask(content))?;
    }
    Ok(())
}

/// The files in what the script printed. Names are ours, whatever a log says.
fn files(text: &str) -> Vec<(&'static str, &str)> {
    const NAMES: [&str; 3] = ["journal.log", "cloud-init.log", "cloud-init-output.log"];
    let mut found = Vec::new();
    for part in text.split(MARK).skip(1) {
        let (name, content) = part.split_once('\n').unwrap_or((part, ""));
        if let Some(name) = NAMES.into_iter().find(|known| *known == name.trim())
            && !content.trim().is_empty()
        {
            found.push((name, content));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_script_prints_files_that_are_told_apart() {
        let mut command = tokio::process::Command::new("bash");
        command.args(["-c", &SCRIPT.replace("journalctl", "echo")]);
        let output = crate::process::run(command, None, TIMEOUT, 1 << 20)
            .await
            .unwrap();
        let text = output.text();
        let files = files(&text);
        assert_eq!(files[0].0, "journal.log");
        assert!(files[0].1.contains("--output short-iso"), "{text}");
        assert!(
            !files
                .iter()
                .any(|(_, content)| content.contains("packyard end"))
        );
    }
}

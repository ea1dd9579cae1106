//! The generated references in `docs/` say what the program says.

use anyhow::{Result, ensure};
use e2e::binary::{Ran, command, workspace};

#[test]
fn the_references_are_current() -> Result<()> {
    for (file, args) in [
        ("cli.md", &["reference"][..]),
        ("limits.md", &["reference", "limits"]),
        ("configuration.md", &["config", "reference"]),
    ] {
        let ran = Ran::from(command().args(args).output()?);
        let path = workspace().join("docs/reference").join(file);
        let kept = std::fs::read_to_string(&path)?;
        ensure!(
            kept == ran.ok()?.stdout,
            "{} is out of date: packyard {} > {}",
            path.display(),
            args.join(" "),
            path.display()
        );
    }
    Ok(())
}

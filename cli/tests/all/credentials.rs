//! Logging in: checked first, stored privately, used afterwards.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::program::{Ran, Server, text};

fn with_users(folder: &Path) -> Server {
    let users = folder.join("htpasswd");
    let hash = bcrypt::hash("secret", 5).expect("a hash");
    std::fs::write(&users, format!("ann:{hash}\n")).expect("written");
    let config = folder.join("packyard.toml");
    std::fs::write(&config, format!("[auth]\nhtpasswd = {:?}\n", text(&users))).expect("written");
    Server::start(&folder.join("data"), &["--config", text(&config)])
}

fn login(server: &Server, home: &Path, password: &str) -> Ran {
    let mut child = server
        .command()
        .env("HOME", home)
        .args([
            "login",
            server.host(),
            "--username",
            "ann",
            "--password-stdin",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    writeln!(child.stdin.take().expect("its input"), "{password}").expect("sent");
    let output = child.wait_with_output().expect("an end");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn log_in_work_log_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = with_users(folder.path());
    let ls = || {
        crate::program::run(
            server
                .command()
                .env("HOME", folder.path())
                .args(["pack", "ls"]),
        )
    };
    ls().ends(4, &["packyard login"]);

    login(&server, folder.path(), "wrong").ends(4, &["password is wrong"]);
    let file = folder.path().join(".docker/config.json");
    assert!(!file.exists(), "a wrong password is not stored");

    login(&server, folder.path(), "secret").ends(0, &[]);
    assert_eq!(
        std::fs::metadata(&file)
            .expect("stored")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    ls().ends(0, &[]);

    let mut logout = server.command();
    logout
        .env("HOME", folder.path())
        .args(["logout", server.host()]);
    crate::program::run(&mut logout).ends(0, &[]);
    ls().ends(4, &[]);
}

#[test]
fn a_credential_helper_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = with_users(folder.path());
    let helper = folder.path().join("docker-credential-test");
    let script = "#!/bin/sh\nread -r host\n[ \"$1\" = get ] && [ -n \"$host\" ] && \
                  echo '{\"ServerURL\":\"x\",\"Username\":\"ann\",\"Secret\":\"secret\"}'\n";
    std::fs::write(&helper, script).expect("written");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let auth = folder.path().join("auth.json");
    std::fs::write(&auth, "{\"credsStore\": \"test\"}").expect("written");
    let path = format!(
        "{}:{}",
        text(folder.path()),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut ls = server.command();
    ls.env("REGISTRY_AUTH_FILE", &auth)
        .env("PATH", path)
        .args(["pack", "ls"]);
    crate::program::run(&mut ls).ends(0, &[]);

    std::fs::write(&auth, "{\"credsStore\": \"missing\"}").expect("written");
    let mut ls = server.command();
    ls.env("REGISTRY_AUTH_FILE", &auth).args(["pack", "ls"]);
    crate::program::run(&mut ls).ends(1, &["docker-credential-missing"]);
}

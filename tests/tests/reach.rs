//! What a real machine may reach, as a part of the main job: its roles-only build runs on a
//! server with an allow-list, and its role asks for what is on it and for what is not.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use e2e::binary::workspace;
use e2e::fixtures;
use e2e::publish::{self, text};
use e2e::server::Server;
use serde_json::Value;

const PAGE: &str = "a page of this host";

/// A web server of this host. Its address is loopback, so that nobody else sees it, but not the
/// one for which programs in the guest ask no proxy.
fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.2:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            drop(stream.read(&mut head));
            let length = PAGE.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{PAGE}"
            );
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    Ok(address)
}

/// A site with one page, and the configuration of a server whose machines may ask for it alone.
pub(crate) struct Site {
    address: SocketAddr,
    pub(crate) config: PathBuf,
}

impl Site {
    pub(crate) fn new(temp: &Path) -> Result<Self> {
        let address = serve()?;
        let config = temp.join("reach.toml");
        std::fs::write(&config, format!("[builder]\nreach = [\"{address}\"]\n"))?;
        Ok(Self { address, config })
    }

    /// The roles-only profile with a role that looks around; answers with its reference.
    pub(crate) fn profile(&self, server: &Server, temp: &Path) -> Result<String> {
        let pack = temp.join("debian-13-plain-reach");
        fixtures::copy_folder(&workspace().join("packs/os/debian-13-plain"), &pack)?;
        let tasks = pack.join("machine_note/tasks/main.yml");
        let own = std::fs::read_to_string(&tasks)?;
        std::fs::write(&tasks, format!("{own}\n{}", self.tasks()))?;
        let version = "\"version\": \"1.0.0\"";
        fixtures::edit(&pack.join("pack.json"), version, "\"version\": \"1.0.1\"")?;
        server.run(&["pack", "push", text(&pack)?])?.ok()?;
        let profile = workspace().join("packs/profiles/qemu-debian-13-plain.yaml");
        let pinned = "version: 1.0.0\n        tag: 1.0.0";
        let moved = "version: 1.0.1\n        tag: 1.0.1";
        let changed = std::fs::read_to_string(profile)?.replacen(pinned, moved, 1);
        ensure!(
            changed.contains("1.0.1"),
            "the profile does not name the pack"
        );
        let file = temp.join("reach-profile.yaml");
        std::fs::write(&file, changed)?;
        publish::profile(server, &file)
    }

    /// One script, because every task costs an emulated guest seconds.
    fn tasks(&self) -> String {
        TASKS
            .replace("@SITE@", &self.address.to_string())
            .replace("@PORT@", &self.address.port().to_string())
            .replace("@PAGE@", PAGE)
    }
}

const TASKS: &str = r#"
- name: Look around
  ansible.builtin.shell:
    cmd: |
      set -eu
      fetch() { /usr/lib/apt/apt-helper -o Acquire::Retries=0 download-file "$1" /run/fetched 2>&1; }
      # As apt does, with the environment and without it.
      fetch http://@SITE@/page
      grep -q '@PAGE@' /run/fetched
      rm /run/fetched
      env -u http_proxy -u HTTP_PROXY /usr/lib/apt/apt-helper download-file http://@SITE@/page /run/fetched
      rm /run/fetched
      # As services do.
      systemctl show-environment | grep -q '^https_proxy=http://127.0.0.1:'
      # As programs in Python do.
      python3 -c 'import urllib.request as r; assert b"@PAGE@" in r.urlopen("http://@SITE@/").read()'
      # What is not on the list is refused, by a sentence that names the key.
      said=$(fetch http://refused.test/page) && exit 3
      echo "$said" | grep -q 'refused.test:80 is not allowed by builder.reach'
      said=$(python3 -c 'import urllib.request as r; r.urlopen("https://refused.test/")' 2>&1) && exit 4
      echo "$said" | grep -q 'refused.test:443 is not allowed by builder.reach'
      # Nothing goes round the proxy.
      if timeout 5 bash -c 'exec 3<>/dev/tcp/10.0.2.2/@PORT@' 2>/dev/null; then exit 5; fi
      # A stage that forbids all forwards would still let this one through when it boots again.
      echo 'DisableForwarding yes' > /etc/ssh/sshd_config.d/00-strict.conf
      sshd -T -C user=packyard-build,host=localhost,addr=127.0.0.1 | grep -qx 'disableforwarding no'
      sshd -T -C user=somebody,host=localhost,addr=127.0.0.1 | grep -qx 'disableforwarding yes'
      rm /etc/ssh/sshd_config.d/00-strict.conf
    executable: /bin/bash
  changed_when: false
"#;

/// The build told of each host once.
pub(crate) fn told_of_what_was_refused(server: &Server, build: &str) -> Result<()> {
    let ran = server.run(&["build", "watch", build, "--json"])?;
    let events: Vec<Value> = ran
        .ok()?
        .stdout
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("events as JSON lines")?;
    let refused: Vec<&str> = events
        .iter()
        .filter_map(|event| event["data"]["refused"].as_str())
        .collect();
    ensure!(
        refused == ["refused.test:80", "refused.test:443"],
        "{refused:?} in {events:#?}"
    );
    Ok(())
}

//! The software bill of materials of an image, as CycloneDX 1.6.

use imagebuilder_api::signature::Signature;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::resolve::{Resolved, ResolvedComponent};
use registry_pack::components::Purpose;

/// A bill, and how many packages it lists.
pub(crate) struct Bill {
    pub(crate) document: Value,
    pub(crate) packages: usize,
}

/// Makes the bill of `/etc/os-release` and dpkg's list, and of the components that are no packages.
pub(crate) fn cyclonedx(signature: &Signature, resolved: &Resolved, listing: &str) -> Bill {
    let distribution = release(listing, "ID").unwrap_or_else(|| "debian".to_owned());
    let codename = release(listing, "VERSION_ID").unwrap_or_default();
    let mut components: Vec<Value> = listing
        .lines()
        .filter_map(|line| package(line, &distribution, &codename))
        .collect();
    let packages = components.len();
    let installed = resolved
        .components
        .iter()
        .filter(|one| one.purpose == Purpose::Install);
    components.extend(
        installed
            .filter(|one| one.source != "apt" && one.install.is_some())
            .map(binary),
    );
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid::Uuid::new_v4()),
        "version": 1,
        "metadata": {
            "timestamp": Timestamp::now().to_string(),
            "tools": {"components": [{"type": "application", "name": "packyard", "version": env!("CARGO_PKG_VERSION")}]},
            "component": {
                "type": "operating-system",
                "bom-ref": signature.as_str(),
                "name": resolved.os_pack().source.pack.manifest.name.as_str(),
                "version": resolved.os_pack().source.pack.manifest.version.as_str(),
            },
        },
        "components": components,
    });
    Bill { document, packages }
}

/// A value of `/etc/os-release`.
fn release(listing: &str, key: &str) -> Option<String> {
    let value = listing
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

/// One line of dpkg's list: name, version, architecture, source package, status.
fn package(line: &str, distribution: &str, release: &str) -> Option<Value> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, version, architecture, source, "installed"] = fields.as_slice() else {
        return None;
    };
    let purl = format!(
        "pkg:deb/{distribution}/{name}@{}?arch={architecture}&distro={distribution}-{release}",
        escape(version)
    );
    Some(json!({
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "properties": [{"name": "packyard:source", "value": source}],
    }))
}

fn binary(component: &ResolvedComponent) -> Value {
    let mut entry = json!({
        "type": "application",
        "bom-ref": format!("component:{}@{}", component.name, component.version),
        "name": component.name,
        "version": component.version,
    });
    if let Some(sha256) = &component.sha256 {
        entry["hashes"] = json!([{"alg": "SHA-256", "content": sha256}]);
    }
    entry
}

/// Versions of Debian hold `+`, `~` and `:`, which mean something in an address.
fn escape(version: &str) -> String {
    version
        .chars()
        .map(|c| match c {
            '+' => "%2B".to_owned(),
            ':' => "%3A".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_are_listed() {
        let found = package(
            "libc6\t2.41-12+deb13u1\tamd64\tglibc\tinstalled",
            "debian",
            "13",
        )
        .unwrap();
        assert_eq!(
            found["purl"],
            "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13"
        );
        assert!(package("gone\t1\tamd64\tgone\tconfig-files", "debian", "13").is_none());
        assert_eq!(
            release("NAME=x\nVERSION_ID=\"13\"\n", "VERSION_ID").as_deref(),
            Some("13")
        );
    }
}

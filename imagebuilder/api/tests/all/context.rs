//! Everything that a build knows, and the one function from there to a chain.
//!
//! What the signature leaves out is here too, so that the tests can turn each
//! knob and look which ones move it.

use std::collections::BTreeMap;

use imagebuilder_api::signature::{
    BaseImage, BaseInputs, ComponentIdentity, ComponentInputs, FileInputs, HardenInputs,
    KubernetesInputs, PackInputs, RoleInputs, RolesInputs, SealInputs, Secret, SecretKey,
    SkippedInputs, SkippedStage, Variable, Variables,
};
use imagebuilder_api::{Chain, StageInputs};
use registry_pack::Digest;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) base: BaseInputs,
    pub(crate) os: Pack,
    pub(crate) kubernetes: Option<Pack>,
    pub(crate) components: Vec<ComponentInputs>,
    pub(crate) packs: Vec<Pack>,
    pub(crate) harden_role: Role,
    pub(crate) kubernetes_role: Role,
    pub(crate) seal_role: Role,
    pub(crate) ansible_core: String,
    pub(crate) stage_versions: [u32; 4],
    pub(crate) left_out: LeftOut,
}

/// What must never matter.
#[derive(Debug, Clone)]
pub(crate) struct LeftOut {
    pub(crate) regions: Vec<String>,
    pub(crate) account: String,
    pub(crate) cpus: u16,
    pub(crate) memory_bytes: u64,
    pub(crate) ssh_key: String,
    pub(crate) requested_at: String,
    pub(crate) image_name: String,
    pub(crate) build_id: String,
    pub(crate) log_level: String,
    pub(crate) work_folder: String,
    pub(crate) mirror: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Pack {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) readme: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) freshness: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    /// Path, content, whether it can be executed.
    pub(crate) files: BTreeMap<String, (String, bool)>,
    pub(crate) variables: Option<BTreeMap<String, Value>>,
    pub(crate) secrets: BTreeMap<String, String>,
}

impl Context {
    /// The context of the main job, small.
    pub(crate) fn example() -> Self {
        Self {
            base: BaseInputs {
                provider: "qemu".to_owned(),
                output_format: "qcow2".to_owned(),
                architecture: "amd64".to_owned(),
                firmware: "bios".to_owned(),
                disk_size_bytes: 10 << 30,
                image: BaseImage::Digest(Digest::sha256(b"base")),
            },
            os: Pack::example(
                "debian-13",
                vec![Role::example("node_baseline")],
                Some("2026-W47"),
            ),
            kubernetes: Some(Pack::example("kubernetes", Vec::new(), None)),
            components: vec![
                component("kubelet", Some("84a1")),
                component("containerd", None),
            ],
            packs: vec![Pack::example(
                "addon",
                vec![Role::example("agent"), Role::example("motd")],
                None,
            )],
            harden_role: Role::example("harden"),
            kubernetes_role: Role::example("kubernetes"),
            seal_role: Role::example("seal"),
            ansible_core: "2.19.14".to_owned(),
            stage_versions: [1; 4],
            left_out: LeftOut {
                regions: vec!["local".to_owned()],
                account: "123456789012".to_owned(),
                cpus: 2,
                memory_bytes: 2 << 30,
                ssh_key: "ssh-ed25519 AAAA".to_owned(),
                requested_at: "2026-11-21T10:00:00Z".to_owned(),
                image_name: "debian-13-kubernetes".to_owned(),
                build_id: "b1".to_owned(),
                log_level: "info".to_owned(),
                work_folder: "/var/lib/packyard".to_owned(),
                mirror: "mirror-one".to_owned(),
            },
        }
    }

    /// The chain. `LeftOut` is taken apart, so that a new knob has to be thought about here.
    pub(crate) fn chain(&self) -> Chain {
        let LeftOut {
            regions: _,
            account: _,
            cpus: _,
            memory_bytes: _,
            ssh_key: _,
            requested_at: _,
            image_name: _,
            build_id: _,
            log_level: _,
            work_folder: _,
            mirror: _,
        } = &self.left_out;
        let [harden, kubernetes, roles, seal] = self.stage_versions;
        let mut stages = vec![
            StageInputs::Base(self.base.clone()),
            StageInputs::Harden(self.harden(harden)),
        ];
        stages.push(match &self.kubernetes {
            Some(pack) => StageInputs::Kubernetes(self.kubernetes(pack, kubernetes)),
            None => StageInputs::Skipped(SkippedInputs {
                skipped: SkippedStage::Kubernetes,
            }),
        });
        for pack in [&self.os]
            .into_iter()
            .chain(&self.packs)
            .filter(|pack| !pack.roles.is_empty())
        {
            stages.push(StageInputs::Roles(RolesInputs {
                stage_version: roles,
                ansible_core: self.ansible_core.clone(),
                pack: pack.inputs(),
                roles: pack.roles.iter().map(Role::inputs).collect(),
                freshness: pack.freshness.clone(),
            }));
        }
        stages.push(StageInputs::Seal(SealInputs {
            stage_version: seal,
            ansible_core: self.ansible_core.clone(),
            roles: vec![self.seal_role.inputs()],
        }));
        Chain::new(stages).unwrap()
    }

    fn harden(&self, stage_version: u32) -> HardenInputs {
        HardenInputs {
            stage_version,
            ansible_core: self.ansible_core.clone(),
            roles: vec![self.harden_role.inputs()],
            freshness: self.os.freshness.clone(),
        }
    }

    fn kubernetes(&self, pack: &Pack, stage_version: u32) -> KubernetesInputs {
        KubernetesInputs {
            stage_version,
            ansible_core: self.ansible_core.clone(),
            pack: pack.inputs(),
            components: self.components.clone(),
            roles: vec![self.kubernetes_role.inputs()],
            freshness: pack.freshness.clone(),
        }
    }
}

impl Pack {
    pub(crate) fn example(name: &str, roles: Vec<Role>, freshness: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            readme: "Read me.".to_owned(),
            roles,
            freshness: freshness.map(ToOwned::to_owned),
        }
    }

    /// The digest covers all that is in the pack, its roles too.
    fn inputs(&self) -> PackInputs {
        let mut content = self.readme.clone();
        for role in &self.roles {
            content.push_str(&format!("{}{:?}", role.name, role.files));
        }
        PackInputs {
            name: self.name.clone(),
            version: self.version.clone(),
            digest: Digest::sha256(content.as_bytes()),
        }
    }
}

impl Role {
    pub(crate) fn example(name: &str) -> Self {
        let file = |content: &str, executable| (content.to_owned(), executable);
        Self {
            name: name.to_owned(),
            files: BTreeMap::from([
                ("tasks/main.yml".to_owned(), file("- name: Do it\n", false)),
                ("files/run.sh".to_owned(), file("#!/bin/sh\n", true)),
            ]),
            variables: Some(BTreeMap::from([
                ("answer".to_owned(), json!(42)),
                ("list".to_owned(), json!(["a", "b"])),
            ])),
            secrets: BTreeMap::from([("password".to_owned(), "hunter2".to_owned())]),
        }
    }

    pub(crate) fn inputs(&self) -> RoleInputs {
        let file = |(path, (content, executable)): (&String, &(String, bool))| {
            (
                path.clone(),
                FileInputs {
                    digest: Digest::sha256(content.as_bytes()),
                    executable: *executable,
                },
            )
        };
        let plain = |variables: &BTreeMap<String, Value>| -> Variables {
            variables
                .iter()
                .map(|(name, value)| (name.clone(), Variable::Plain(value.clone())))
                .collect()
        };
        let mut variables = self.variables.as_ref().map(plain);
        let key = SecretKey::new([7; 32]);
        for (name, value) in &self.secrets {
            let digest = key.digest(name, &Secret::new(value));
            variables
                .get_or_insert_default()
                .insert(name.clone(), Variable::Secret(digest));
        }
        RoleInputs {
            name: self.name.clone(),
            files: self.files.iter().map(file).collect(),
            variables,
        }
    }
}

pub(crate) fn component(name: &str, sha256: Option<&str>) -> ComponentInputs {
    ComponentInputs {
        name: name.to_owned(),
        version: "1.34.4".to_owned(),
        kind: if sha256.is_some() { "binary" } else { "deb" }.to_owned(),
        identity: match sha256 {
            Some(sha256) => ComponentIdentity::Sha256(sha256.repeat(16)),
            None => ComponentIdentity::Debian("1.7.24~ds1-6".to_owned()),
        },
        purpose: "install".to_owned(),
        install: sha256.map(|_| format!("/usr/bin/{name}")),
    }
}

//! The fake's state: a file of JSON, read and written whole at every call.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use imagebuilder_api::StageId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskFormat, DiskSource};
use crate::error::ProviderError;
use crate::id::{DiskId, ImageId, MachineId};
use crate::image::{CaptureSpec, CapturedImage};
use crate::machine::{Ended, Machine, MachineSpec, MachineState};
use crate::resource::{Resource, ResourceKind};
use crate::tags::Tags;

/// Where the state is.
pub(super) struct Store {
    folder: PathBuf,
    /// The state itself where it is in memory; the lock alone where it is in the file.
    state: Mutex<Option<State>>,
}

impl Store {
    pub(super) fn open(folder: &Path) -> Result<Self, ProviderError> {
        let failed = |error| broken("open", error);
        fs::create_dir_all(folder.join("disks")).map_err(failed)?;
        fs::create_dir_all(folder.join("images")).map_err(failed)?;
        Ok(Self {
            folder: folder.to_owned(),
            state: Mutex::default(),
        })
    }

    pub(super) fn in_memory(folder: &Path) -> Result<Self, ProviderError> {
        let store = Self::open(folder)?;
        *store.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(State::default());
        Ok(store)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn change<T>(
        &self,
        act: impl FnOnce(&mut State, &Path) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        let mut held = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = &mut *held {
            return act(state, &self.folder);
        }
        let file = self.folder.join("state.json");
        let mut state = match fs::read(&file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| broken("read", error.into()))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(broken("read", error)),
        };
        let done = act(&mut state, &self.folder)?;
        let bytes = serde_json::to_vec(&state).map_err(|error| broken("write", error.into()))?;
        fs::write(&file, bytes).map_err(|error| broken("write", error))?;
        Ok(done)
    }
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct State {
    next: u64,
    disks: BTreeMap<DiskId, FakeDisk>,
    machines: BTreeMap<MachineId, FakeMachine>,
    images: BTreeMap<ImageId, FakeImage>,
}

#[derive(Serialize, Deserialize)]
struct FakeDisk {
    parent: Option<DiskId>,
    tags: BTreeMap<String, String>,
    created: Timestamp,
    size_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct FakeMachine {
    tags: Tags,
    shape: String,
    disk: DiskId,
    disk_size_bytes: u64,
    checkpoints: Vec<(StageId, DiskId)>,
    running: bool,
    ssh: SocketAddr,
    created: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct FakeImage {
    tags: BTreeMap<String, String>,
    created: Timestamp,
    virtual_size_bytes: u64,
}

impl State {
    pub(super) fn import(
        &mut self,
        source: &DiskSource,
        folder: &Path,
    ) -> Result<DiskId, ProviderError> {
        let on = source
            .parent
            .as_ref()
            .map_or_else(String::new, |parent| format!("-on-{parent}"));
        let id: DiskId = format!("sha-{}{on}", &source.digest.hex()[..16])
            .parse()
            .map_err(|_| no("disk", "import"))?;
        if self.disks.contains_key(&id) {
            return Ok(id);
        }
        if let Some(parent) = &source.parent {
            self.require_disk(parent)?;
        }
        let size_bytes = fs::copy(&source.path, disk_file(folder, &id)).map_err(|error| {
            let what = format!("cannot read {}", source.path.display());
            ProviderError::never(what, "name a file that exists").because(error)
        })?;
        let disk = FakeDisk {
            parent: source.parent.clone(),
            tags: BTreeMap::new(),
            created: Timestamp::now(),
            size_bytes,
        };
        self.disks.insert(id.clone(), disk);
        Ok(id)
    }

    pub(super) fn disk(&self, id: &DiskId, folder: &Path) -> Option<Disk> {
        self.disks.get(id).map(|disk| Disk {
            id: id.clone(),
            parent: disk.parent.clone(),
            path: Some(disk_file(folder, id)),
            size_bytes: disk.size_bytes,
        })
    }

    fn require_disk(&self, id: &DiskId) -> Result<&FakeDisk, ProviderError> {
        self.disks.get(id).ok_or_else(|| no("disk", id.as_str()))
    }

    pub(super) fn delete_disk(&mut self, id: &DiskId, folder: &Path) -> Result<(), ProviderError> {
        let above = self
            .disks
            .iter()
            .find(|(_, disk)| disk.parent.as_ref() == Some(id))
            .map(|(id, _)| id.to_string());
        let stands = |machine: &FakeMachine| {
            machine.disk == *id || machine.checkpoints.iter().any(|(_, disk)| disk == id)
        };
        let machine = self
            .machines
            .iter()
            .find(|(_, machine)| stands(machine))
            .map(|(id, _)| id.to_string());
        if let Some(user) = machine.or(above) {
            return Err(ProviderError::never(
                format!("disk {id} is in use by {user}"),
                "remove that first",
            ));
        }
        self.disks.remove(id);
        remove(&disk_file(folder, id))
    }

    pub(super) fn launch(
        &mut self,
        spec: &MachineSpec,
        ssh: SocketAddr,
    ) -> Result<Machine, ProviderError> {
        let id = spec.tags.machine_id()?;
        let base = self.require_disk(&spec.disk)?;
        let mut labels: Vec<_> = spec.media.iter().map(|media| &media.label).collect();
        labels.sort();
        labels.dedup();
        if spec.cpus == 0
            || spec.disk_size_bytes < base.size_bytes.min(1 << 20)
            || labels.len() != spec.media.len()
        {
            return Err(ProviderError::never(
                "this is no machine",
                "ask for processors, a disk and volumes that differ",
            ));
        }
        let shape = format!(
            "{} {} {} {} {:?} {labels:?} {}",
            spec.disk,
            spec.cpus,
            spec.memory_bytes,
            spec.disk_size_bytes,
            spec.network,
            spec.seed.instance_id
        );
        let machine = self
            .machines
            .entry(id.clone())
            .or_insert_with(|| FakeMachine {
                tags: spec.tags.clone(),
                shape: shape.clone(),
                disk: spec.disk.clone(),
                disk_size_bytes: spec.disk_size_bytes,
                checkpoints: Vec::new(),
                running: true,
                ssh,
                created: Timestamp::now(),
            });
        if machine.shape != shape {
            let what = format!("machine {id} was launched with another specification");
            return Err(ProviderError::never(
                what,
                "destroy it first, or launch with the next attempt",
            ));
        }
        machine.running = true;
        Ok(Machine {
            id,
            ssh: machine.ssh,
        })
    }

    pub(super) fn machine(&self, id: &MachineId) -> MachineState {
        match self.machines.get(id) {
            None => MachineState::Gone,
            Some(machine) if machine.running => MachineState::Running { ssh: machine.ssh },
            Some(_) => MachineState::Stopped { why: None },
        }
    }

    fn require_machine(&mut self, id: &MachineId) -> Result<&mut FakeMachine, ProviderError> {
        self.machines
            .get_mut(id)
            .ok_or_else(|| no("machine", id.as_str()))
    }

    pub(super) fn checkpoint(
        &mut self,
        id: &MachineId,
        stage: &StageId,
        folder: &Path,
    ) -> Result<DiskId, ProviderError> {
        self.next += 1;
        let disk: DiskId = format!("disk-{}", self.next)
            .parse()
            .map_err(|_| no("disk", "checkpoint"))?;
        let machine = self.require_machine(id)?;
        if let Some((_, disk)) = machine.checkpoints.iter().find(|(known, _)| known == stage) {
            return Ok(disk.clone());
        }
        let parent = machine
            .checkpoints
            .last()
            .map_or_else(|| machine.disk.clone(), |(_, disk)| disk.clone());
        machine.checkpoints.push((stage.clone(), disk.clone()));
        let content = format!("{stage} on {parent}\n");
        let tags = BTreeMap::from([
            (Tags::BUILD.to_owned(), machine.tags.build.to_string()),
            (Tags::STAGE.to_owned(), stage.to_string()),
        ]);
        fs::write(disk_file(folder, &disk), &content).map_err(|error| broken("write", error))?;
        let size_bytes = content.len() as u64;
        self.disks.insert(
            disk.clone(),
            FakeDisk {
                parent: Some(parent),
                tags,
                created: Timestamp::now(),
                size_bytes,
            },
        );
        Ok(disk)
    }

    pub(super) fn shutdown(&mut self, id: &MachineId) -> Result<Ended, ProviderError> {
        self.require_machine(id)?.running = false;
        Ok(Ended::ByGuest)
    }

    pub(super) fn capture(
        &mut self,
        id: &MachineId,
        spec: &CaptureSpec,
        folder: &Path,
    ) -> Result<CapturedImage, ProviderError> {
        let path = image_file(folder, &spec.name);
        if !self.images.contains_key(&spec.name) {
            let machine = self.require_machine(id)?;
            if machine.running {
                return Err(ProviderError::never(
                    format!("machine {id} still runs"),
                    "shut it down before it is captured",
                ));
            }
            let virtual_size_bytes = machine.disk_size_bytes;
            fs::write(&path, format!("image of {id}\n")).map_err(|error| broken("write", error))?;
            let image = FakeImage {
                tags: spec.tags.clone(),
                created: Timestamp::now(),
                virtual_size_bytes,
            };
            self.images.insert(spec.name.clone(), image);
        }
        let image = self
            .images
            .get(&spec.name)
            .ok_or_else(|| no("image", spec.name.as_str()))?;
        let size_bytes = fs::metadata(&path)
            .map_err(|error| broken("read", error))?
            .len();
        Ok(CapturedImage {
            id: spec.name.clone(),
            path: Some(path),
            size_bytes,
            virtual_size_bytes: image.virtual_size_bytes,
            format: DiskFormat::Qcow2.as_str().to_owned(),
        })
    }

    pub(super) fn delete_image(
        &mut self,
        id: &ImageId,
        folder: &Path,
    ) -> Result<(), ProviderError> {
        self.images.remove(id);
        remove(&image_file(folder, id))
    }

    pub(super) fn destroy(&mut self, id: &MachineId) {
        self.machines.remove(id);
    }

    pub(super) fn resources(&self) -> Vec<Resource> {
        let resource = |id: &str, kind, tags, created| Resource {
            id: id.to_owned(),
            kind,
            tags,
            created,
        };
        let machines = self.machines.iter().map(|(id, machine)| {
            resource(
                id.as_str(),
                ResourceKind::Machine,
                machine.tags.to_map(),
                machine.created,
            )
        });
        let disks = self.disks.iter().map(|(id, disk)| {
            resource(
                id.as_str(),
                ResourceKind::Disk,
                disk.tags.clone(),
                disk.created,
            )
        });
        let images = self.images.iter().map(|(id, image)| {
            resource(
                id.as_str(),
                ResourceKind::Image,
                image.tags.clone(),
                image.created,
            )
        });
        machines.chain(disks).chain(images).collect()
    }
}

fn disk_file(folder: &Path, id: &DiskId) -> PathBuf {
    folder.join("disks").join(id.as_str())
}

fn image_file(folder: &Path, id: &ImageId) -> PathBuf {
    folder.join("images").join(id.as_str())
}

fn remove(path: &Path) -> Result<(), ProviderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(broken("remove", error)),
        _ => Ok(()),
    }
}

fn no(what: &str, id: &str) -> ProviderError {
    ProviderError::never(
        format!("there is no {what} {id}"),
        "make it first; it may have been removed",
    )
}

fn broken(verb: &str, error: io::Error) -> ProviderError {
    ProviderError::person(
        format!("cannot {verb} the fake's state"),
        "give the test a folder that it can write",
    )
    .because(error)
}

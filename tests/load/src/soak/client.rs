//! One client of a soak: it pushes, pulls and deletes images at random until it is over.
//!
//! What it pushes to its own repository only it deletes, so it knows what has to be there. Tags
//! of the shared repository everybody moves; what was told about them the history keeps.

use anyhow::Result;

use super::history::Event;
use super::image::{Image, NewImage, digest};
use super::journal::{Journal, SHARED};
use super::shared::{Failed, Session, Shared, count};
use crate::wire::Body;

/// Own images are kept up to this number, so that a long run ends on a small disk.
const KEPT: usize = 100;

/// Runs until the soak is over; answers with the images that have to be there.
pub(super) fn run(shared: &Shared, journal: &Journal, number: usize) -> Vec<Image> {
    let mut client = Client {
        session: Session::new(shared),
        journal,
        repository: format!("soak/own{number}"),
        images: Vec::new(),
    };
    while !shared.is_over() {
        // Every failure is counted where it happens; the client goes on as a person would.
        if client.act().is_err() {
            crate::server::pause(std::time::Duration::from_millis(20));
        }
    }
    client.images
}

struct Client<'a> {
    session: Session<'a>,
    journal: &'a Journal,
    repository: String,
    images: Vec<Image>,
}

impl Client<'_> {
    fn act(&mut self) -> Result<(), Failed> {
        if self.images.len() >= KEPT {
            return self.delete();
        }
        match rand::random_range(0..100) {
            0..30 => self.push(),
            30..50 => self.move_tag(),
            50..75 => self.read_tag(),
            75..92 => self.verify(),
            _ => self.delete(),
        }
    }

    /// Pushes an image; from its acknowledgement on it has to be there.
    fn push(&mut self) -> Result<(), Failed> {
        let new = NewImage::create(&self.repository, self.journal.layer());
        new.push_blobs(&mut self.session)?;
        new.push_manifest(&mut self.session, None)?;
        self.images.push(new.image);
        Ok(())
    }

    fn move_tag(&mut self) -> Result<(), Failed> {
        let new = NewImage::create(SHARED, self.journal.layer());
        new.push_blobs(&mut self.session)?;
        let tag = self.journal.tag(self.session.shared);
        let begin = self.session.shared.now();
        let pushed = new.push_manifest(&mut self.session, Some(&tag));
        let end = pushed.is_ok().then(|| self.session.shared.now());
        let digest = new.image.digest;
        self.journal
            .record(tag, Event::Write { digest, begin, end });
        pushed
    }

    /// Pulls a tag with all that it names.
    fn read_tag(&mut self) -> Result<(), Failed> {
        let tag = self.journal.tag(self.session.shared);
        let target = format!("/v2/{SHARED}/manifests/{tag}");
        let begin = self.session.shared.now();
        let answer = self.session.call("GET", &target, Body::default())?;
        let end = self.session.shared.now();
        count(&self.session.shared.counts.pulls);
        let found = (answer.head.status == 200).then(|| digest(&answer.body));
        let event = Event::Read {
            digest: found.clone(),
            begin,
            end,
        };
        self.journal.record(tag, event);
        match found {
            Some(digest) => named(&answer.body, digest).verify(&mut self.session),
            None => Ok(()),
        }
    }

    fn verify(&mut self) -> Result<(), Failed> {
        if self.images.is_empty() {
            return Ok(());
        }
        let chosen = rand::random_range(0..self.images.len());
        count(&self.session.shared.counts.pulls);
        self.images[chosen].verify(&mut self.session)
    }

    fn delete(&mut self) -> Result<(), Failed> {
        if self.images.len() < KEPT / 2 {
            return Ok(());
        }
        // Taken off the list first: without an answer nobody knows whether it is there.
        let chosen = rand::random_range(0..self.images.len());
        self.images.swap_remove(chosen).delete(&mut self.session)
    }
}

/// What a manifest of the shared repository names.
fn named(manifest: &[u8], digest: String) -> Image {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = manifest["layers"].as_array().into_iter().flatten();
    Image {
        repository: SHARED.to_owned(),
        digest,
        blobs: std::iter::once(&manifest["config"])
            .chain(layers)
            .filter_map(|descriptor| Some(descriptor["digest"].as_str()?.to_owned()))
            .collect(),
    }
}

//! A span for each Ansible task.

use traces::{Span, SpanKind, Tracer};

use crate::ansible::TaskEnd;
use crate::resolve::Masker;

/// The tasks of one run of Ansible: one at a time.
pub(crate) struct TaskSpans {
    tracer: Tracer,
    open: Option<(u32, Span)>,
}

impl TaskSpans {
    pub(crate) fn new(tracer: &Tracer) -> Self {
        Self {
            tracer: tracer.clone(),
            open: None,
        }
    }

    /// A task begins; one that said nothing of its end has ended.
    pub(crate) fn begin(&mut self, number: u32, role: Option<&str>, name: &str, masker: &Masker) {
        self.finish();
        let mut span = self.tracer.child("Ansible task", SpanKind::Client);
        if span.is_kept() {
            let name = masker.mask(name);
            if let Some(role) = role.map(|role| masker.mask(role)) {
                span.rename(format!("{role}: {name}"));
                span.set("ansible.role", role);
            } else {
                span.rename(name.clone());
            }
            span.set("ansible.task", name);
            span.set("ansible.number", i64::from(number));
        }
        self.open = Some((number, span));
    }

    /// A task said how it ended.
    pub(crate) fn end(&mut self, number: u32, end: TaskEnd) {
        let Some((_, mut span)) = self.open.take_if(|(open, _)| *open == number) else {
            return;
        };
        span.set("ansible.outcome", end.as_str());
        span.set("ansible.changed", end == TaskEnd::Changed);
        if matches!(end, TaskEnd::Failed | TaskEnd::Unreachable) {
            span.fail(end.as_str());
        }
        span.end();
    }

    /// The run ended.
    pub(crate) fn finish(&mut self) {
        if let Some((_, span)) = self.open.take() {
            span.end();
        }
    }
}

//! Chooses between the processor's own virtualization and emulation.

use std::fs::OpenOptions;

/// How machines run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Accelerator {
    /// By the processor.
    Kvm,
    /// Emulated, with one thread per processor of the guest.
    Tcg,
}

impl Accelerator {
    /// What this host can do. `/dev/kvm` may exist and even open where the processor
    /// cannot (inside another machine), so both are asked.
    pub fn detect() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let opens = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/kvm")
                .is_ok()
        };
        if has_virtualization(&cpuinfo) && opens() {
            Self::Kvm
        } else {
            Self::Tcg
        }
    }

    /// The name as records write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }

    /// QEMU's `-accel`.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            // QEMU's own default for the translation cache is up to 1 GiB a machine.
            Self::Tcg => "tcg,thread=multi,tb-size=512",
        }
    }

    /// QEMU's `-cpu`.
    pub(crate) fn cpu(self) -> &'static str {
        match self {
            Self::Kvm => "host",
            Self::Tcg => "max",
        }
    }
}

fn has_virtualization(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().filter(|line| line.starts_with("flags"));
    flags
        .flat_map(str::split_whitespace)
        .any(|flag| flag == "vmx" || flag == "svm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_flag_itself_counts() {
        assert!(has_virtualization("processor: 0\nflags\t\t: fpu vmx sse\n"));
        assert!(has_virtualization("flags\t\t: fpu svm\n"));
        assert!(!has_virtualization(
            "flags\t\t: fpu vmxnet svm_lock\nmodel name: vmx\n"
        ));
        assert!(!has_virtualization(""));
    }
}

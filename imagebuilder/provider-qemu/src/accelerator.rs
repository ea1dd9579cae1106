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

    /// QEMU's `-cpu`. Emulated too it is all that there is: newer distributions do not
    /// run on an older model, and older models booted no faster.
    pub(crate) fn cpu(self) -> &'static str {
        match self {
            Self::Kvm => "host",
            // Seen with QEMU 7.2: the emulated cmpxchg16b leaves garbage in the flags, and the
            // guest's kernel panics in kmem_cache_alloc once in some boots. Without the feature
            // the kernel takes another way; Debian's packages do not ask for it.
            Self::Tcg => "max,-cx16",
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

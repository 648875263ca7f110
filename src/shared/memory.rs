//! The memory of this process: how much it holds, and giving back what it does not use.

/// Gives freed memory back to the system. Opening a model frees more than the model keeps, in pieces that the
/// allocator of the C library would hold on to. Takes some milliseconds; elsewhere than with glibc it does nothing.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    trim();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the only way to ask glibc for it")]
fn trim() {
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    malloc_trim(0);
}

/// Mebibytes this process holds now (Linux).
pub fn resident_mib() -> Option<u64> {
    status_mib("VmRSS:")
}

/// The most it has held since the start, or since [`forget_peak`] (Linux).
pub fn peak_mib() -> Option<u64> {
    status_mib("VmHWM:")
}

/// Lets [`peak_mib`] begin anew; without effect where the system does not let a process do that.
pub fn forget_peak() {
    // Nothing hangs on it but a figure in a report.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn status_mib(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_held_is_told() {
        let held = resident_mib().unwrap();
        assert!(held > 0 && peak_mib().unwrap() >= held);
        give_back();
        assert!(resident_mib().unwrap() > 0);
    }
}

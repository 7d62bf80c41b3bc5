//! What this process has in memory, as the kernel counts it.

/// Resident at this moment: the kernel's `VmRSS`, see `man 5 proc`. `None` where there is no such
/// file.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    of_this_process("VmRSS:")
}

/// The most that was resident since the start: the kernel's `VmHWM`, as
/// [`resident_bytes`].
#[must_use]
pub fn peak_resident_bytes() -> Option<u64> {
    of_this_process("VmHWM:")
}

fn of_this_process(figure: &str) -> Option<u64> {
    in_bytes(&std::fs::read_to_string("/proc/self/status").ok()?, figure)
}

fn in_bytes(status: &str, figure: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(figure))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_found_by_its_name_and_given_in_bytes() {
        let status = "Name:\tproducer\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";

        assert_eq!(in_bytes(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(in_bytes(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(in_bytes(status, "VmSwap:"), None);
        assert_eq!(in_bytes("VmRSS:\tmuch\n", "VmRSS:"), None);
    }

    #[test]
    fn the_peak_is_no_less_than_what_there_is() {
        let (now, peak) = (resident_bytes().unwrap(), peak_resident_bytes().unwrap());

        assert!(0 < now && now <= peak, "{now} {peak}");
    }
}

//! What the kernel says of this process, under the names that every client of Prometheus gives it.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use rustix::{
    param::clock_ticks_per_second,
    process::{Resource, getrlimit},
};

use crate::memory::resident_bytes;

/// Reads `/proc` when it is asked. What is not there, as on another system, is left out.
#[derive(Debug, Default)]
pub(crate) struct ProcessMetrics;

/// What is read of `/proc/self/stat`, see `man 5 proc`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    threads: u64,
    /// Since the system's own start.
    started_seconds: f64,
}

impl Stat {
    fn read(text: &str, ticks_per_second: f64) -> Option<Self> {
        // The name before it is in parentheses, and may contain anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let figure = |at: usize| fields.get(at)?.parse::<u32>().ok().map(f64::from);
        let ticks = figure(11)? + figure(12)?;
        Some(Self {
            cpu_seconds: ticks / ticks_per_second,
            threads: fields.get(17)?.parse().ok()?,
            started_seconds: fields.get(19)?.parse::<f64>().ok()? / ticks_per_second,
        })
    }
}

/// When the system was started, in Unix time.
fn boot_seconds(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "it is 100")]
        let ticks_per_second = clock_ticks_per_second() as f64;
        let stat = fs::read_to_string("/proc/self/stat");
        let stat = stat.ok().and_then(|text| Stat::read(&text, ticks_per_second));
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_seconds(&text));
        let mut gauge = |name: &str, help: &str, figure: Option<f64>| match figure {
            None => Ok(()),
            Some(figure) => {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(figure).encode(metric)
            }
        };
        gauge(
            "process_resident_memory_bytes",
            "Memory of this process that is resident.",
            resident_bytes().map(whole),
        )?;
        gauge(
            "process_open_fds",
            "File descriptors that this process has open.",
            // That of the folder itself is one of them.
            fs::read_dir("/proc/self/fd").ok().map(|open| whole(open.count() as u64 - 1)),
        )?;
        gauge(
            "process_max_fds",
            "File descriptors that this process may have open.",
            getrlimit(Resource::Nofile).current.map(whole),
        )?;
        gauge("process_threads", "Threads of this process.", stat.map(|stat| whole(stat.threads)))?;
        gauge(
            "process_start_time_seconds",
            "When this process started, in Unix time.",
            stat.zip(boot).map(|(stat, boot)| boot + stat.started_seconds),
        )?;
        let Some(Stat { cpu_seconds, .. }) = stat else { return Ok(()) };
        let help = "Time that processors worked for this process, its own and the system's.";
        let metric =
            encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
        ConstCounter::new(cpu_seconds).encode(metric)
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures of a process are far below 2^53")]
fn whole(figure: u64) -> f64 {
    figure as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_process_are_found_behind_its_name_whatever_that_is() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 9 0 12345 1 2";

        let expected = Stat { cpu_seconds: 3.0, threads: 9, started_seconds: 123.45 };
        assert_eq!(Stat::read(stat, 100.0), Some(expected));
        assert_eq!(Stat::read("7 (a) S 1", 100.0), None);
        assert_eq!(boot_seconds("cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_000.0));
    }
}

//! Reads the metrics of the process, with the names that client libraries for Prometheus use.
//!
//! The CPU time comes from the system's clock. The start time, memory and open files come from `/proc`, which only Linux
//! has: elsewhere they are absent.

use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

/// Registers the values of this moment. `started` is when the process started.
pub(super) fn register(registry: &mut Registry, started: SystemTime) {
    let registry = registry.sub_registry_with_prefix("process");
    let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let start = Gauge::<f64, AtomicU64>::default();
    start.set(since.as_secs_f64());
    let help = "Start of the process in Unix time";
    registry.register_with_unit("start_time", help, Unit::Seconds, start);
    if let Some(time) = cpu_time() {
        let help = "CPU time of the process";
        let time = ConstCounter::new(time.as_secs_f64());
        registry.register_with_unit("cpu", help, Unit::Seconds, time);
    }
    if let Some(bytes) = resident_memory() {
        let help = "Resident memory of the process";
        registry.register_with_unit("resident_memory", help, Unit::Bytes, ConstGauge::new(bytes));
    }
    if let Some(count) = open_files() {
        registry.register("open_fds", "Open file descriptors", ConstGauge::new(count));
    }
    if let Some(count) = max_files() {
        registry.register("max_fds", "Limit of open file descriptors", ConstGauge::new(count));
    }
}

/// Returns when this process started. Elsewhere than on Linux this is the time of the call.
pub(super) fn start_time() -> SystemTime {
    let now = SystemTime::now();
    age().and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

#[cfg(target_os = "linux")]
fn age() -> Option<Duration> {
    use rustix::param::clock_ticks_per_second;
    use rustix::time::{ClockId, clock_gettime};
    let since_boot = Duration::try_from(clock_gettime(ClockId::Boottime)).ok()?;
    let started = started_after_boot(&fs::read_to_string("/proc/self/stat").ok()?)?;
    since_boot
        .checked_sub(Duration::from_secs_f64(started as f64 / clock_ticks_per_second() as f64))
}

#[cfg(not(target_os = "linux"))]
fn age() -> Option<Duration> {
    None
}

/// Reads from `/proc/self/stat` when the process started, in ticks since the machine's start: the 22nd field. The second
/// one is the program's name in parentheses, which may contain spaces and parentheses.
#[cfg(any(test, target_os = "linux"))]
fn started_after_boot(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(unix)]
fn cpu_time() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).ok()
}

#[cfg(not(unix))]
fn cpu_time() -> Option<Duration> {
    None
}

fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn open_files() -> Option<u64> {
    let files = fs::read_dir("/proc/self/fd").ok()?;
    // One of them is the directory itself.
    u64::try_from(files.count().saturating_sub(1)).ok()
}

#[cfg(unix)]
fn max_files() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn max_files() -> Option<u64> {
    None
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_that_of_the_process_and_not_of_the_call() {
        let stat =
            "7 (a) b (c) S 1 7 7 0 -1 4194304 90 0 0 0 3 1 0 0 20 0 1 0 123456 8056832 860 0\n";
        assert_eq!(started_after_boot(stat), Some(123_456));
        assert_eq!(started_after_boot("7 (a"), None);
        // A process that sleeps is younger than this one.
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let stat = |process: u32| {
            started_after_boot(&fs::read_to_string(format!("/proc/{process}/stat")).unwrap())
                .unwrap()
        };
        assert!(stat(std::process::id()) <= stat(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        let [first, second] = [start_time(), start_time()];
        let apart = second.duration_since(first).unwrap_or_else(|error| error.duration());
        assert!(first <= SystemTime::now() && apart < Duration::from_secs(1), "{apart:?}");
    }

    #[test]
    fn the_values_are_those_of_this_process() {
        let before = cpu_time().unwrap();
        let memory = resident_memory().unwrap();
        assert!((1 << 20..1 << 36).contains(&memory), "{memory}");
        // Other tests of this process open files, too.
        let files: Vec<_> =
            (0..100).map(|_| fs::File::open("/proc/self/status").unwrap()).collect();
        assert!(open_files().unwrap() > files.len() as u64);
        assert!(max_files().unwrap() > open_files().unwrap());
        let mut sum = 0_u64;
        while cpu_time().unwrap() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(cpu_time().unwrap() > before);
    }
}

//! The CPU time of processes, as Linux counts it.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

/// How many ticks of `/proc` are a second, on every architecture that Linux runs on today.
const TICKS_PER_SECOND: f64 = 100.0;

/// The fields of `/proc/PID/stat` behind the name, which is in parentheses: the parent is the second of them.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect())
}

/// The processes of a PostgreSQL server, whose first one started all others.
pub(super) struct ServerProcesses {
    first: u32,
}

impl ServerProcesses {
    /// Finds those of the server in this folder of `tests/postgres`.
    pub(super) fn of(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let file = fs::read_to_string(folder.join("data/postmaster.pid"))?;
        Ok(Self { first: file.lines().next().unwrap_or_default().parse()? })
    }

    fn all(&self) -> Result<Vec<u32>, Box<dyn Error>> {
        let folders = fs::read_dir("/proc")?.filter_map(Result::ok);
        let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        let is_child = |pid: &u32| stat(*pid).is_some_and(|it| it[1] == u64::from(self.first));
        Ok(pids.filter(is_child).chain([self.first]).collect())
    }

    /// Moves all of them to these cores. Processes that start later inherit the cores.
    pub(super) fn pin(&self, cores: &str) -> Result<(), Box<dyn Error>> {
        for pid in self.all()? {
            let mut taskset = Command::new("taskset");
            taskset.args(["--all-tasks", "--cpu-list", "--pid", cores, &pid.to_string()]);
            // One may have ended meanwhile.
            taskset.output()?;
        }
        Ok(())
    }

    /// The CPU time of all of them until now, including processes that have ended, in seconds.
    pub(super) fn seconds(&self) -> Result<f64, Box<dyn Error>> {
        let ended: u64 = stat(self.first).map_or(0, |it| it[13] + it[14]);
        let live: u64 = self.all()?.into_iter().filter_map(stat).map(|it| it[11] + it[12]).sum();
        Ok((live + ended) as f64 / TICKS_PER_SECOND)
    }
}

/// The CPU time of a process until now, in seconds.
pub(super) fn seconds_of(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |it| (it[11] + it[12]) as f64 / TICKS_PER_SECOND)
}

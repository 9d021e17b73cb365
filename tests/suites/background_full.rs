//! A disk that is full: nothing is accepted that is not kept, and the server goes on when there is room.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tests::background::{Kept, Place, TestPostgres, accepted, id_of, random, repeated, wait_until};
use tests::client::{ClientResponse, post, request};
use tests::program::Program;

/// A delivery of 20 KB.
fn large(url: &str, webhook_id: &str) -> ClientResponse {
    // That no store can make smaller.
    let much: String = (0..20_000 / 16).map(|_| format!("{:016x}", random())).collect();
    let body = format!("{{\"milliseconds\":1,\"much\":\"{much}\"}}");
    let id = format!("Webhook-Id: {webhook_id}");
    let headers = ["Content-Type: application/json", id.as_str()];
    request(url, "POST /webhooks/sleeps", &headers, &body).unwrap()
}

/// Fills the disk, makes room, and sees to it that each delivery that got a 202 is run, and no other.
fn fill(place: &Place, program: Program, make_room: impl FnOnce(&Program)) {
    let url = program.local_url();
    let mut kept: Vec<_> = place.kept().into_iter().map(|it| it.id).collect();
    let before = kept.len();
    let mut refused = Vec::new();
    for number in 0..400 {
        let webhook_id = number.to_string();
        let answer = large(&url, &webhook_id);
        match answer.status {
            202 => kept.push(id_of(&answer)),
            status => {
                assert_eq!(status, 503, "{answer:?}");
                assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
                let error = answer.json()["error"].as_str().unwrap().to_owned();
                assert!(error.contains("not accepted"), "{error}");
                refused.push(webhook_id);
            }
        }
        if refused.len() == 20 {
            break;
        }
    }
    assert!(kept.len() > before && refused.len() == 20, "{} {}", kept.len(), refused.len());
    assert_eq!(post(&url, "/webhooks/answered", "{}").unwrap().body, "answered");
    let there = place.kept();
    let was_refused = |it: &Kept| it.webhook_id.as_ref().is_some_and(|id| refused.contains(id));
    assert!(!there.iter().any(was_refused), "{there:?}");

    make_room(&program);
    wait_until("it is accepted again", || {
        let answer = large(&url, "afterwards");
        kept.push(id_of(&answer));
        answer.status == 202 || kept.pop().is_none()
    });
    place.wait_for_all();
    kept.sort_unstable();
    let mut done: Vec<_> = place.kept().into_iter().map(|it| it.id).collect();
    done.sort_unstable();
    assert_eq!(done, kept);
    let starts = place.starts();
    assert!(starts.len() == kept.len() && starts.values().all(|starts| *starts == 1), "{starts:?}");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);

    let program = place.start(&[]);
    let url = program.local_url();
    assert_eq!(place.kept().len(), kept.len());
    // What was refused is no retry of anything, as it was not kept.
    assert_eq!(large(&url, &refused[0]).status, 202);
    program.stop();
}

#[test]
fn when_files_cannot_grow_deliveries_are_refused_until_they_can() {
    repeated(|| {
        let place = Place::file();
        // In units of 512 bytes, and for the process a failure, no signal.
        let program = place.start_after("trap '' XFSZ; ulimit -S -f 3000", &[]);
        fill(&place, program, |program| {
            let unlimited = ["--pid", &program.id().to_string(), "--fsize=unlimited"];
            let limited = Command::new("prlimit").args(unlimited).status().unwrap();
            assert!(limited.success());
        });
    });
}

/// A disk of a few megabytes, until it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        assert!(mount.status().unwrap().success(), "only root can mount a disk");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
#[ignore = "needs root"]
fn when_the_disk_is_full_deliveries_are_refused_until_there_is_room() {
    repeated(|| {
        let disk = Disk::mount("3m");
        let rubbish = disk.path().join("rubbish");
        std::fs::write(&rubbish, vec![1; 1 << 20]).unwrap();
        let place = Place::file_in(disk.path());
        let program = place.start(&[]);
        fill(&place, program, |_| {
            let mut mount = Command::new("mount");
            mount.args(["-o", "remount,size=64m"]).arg(disk.path());
            assert!(mount.status().unwrap().success());
        });
    });
}

#[test]
#[ignore = "needs root and PostgreSQL"]
fn when_the_database_s_disk_is_full_deliveries_are_refused_until_there_is_room() {
    repeated(|| {
        let disk = Disk::mount("256m");
        let folder = tempfile::tempdir_in(disk.path()).unwrap();
        // The server runs as another user.
        std::fs::set_permissions(disk.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let rubbish = disk.path().join("rubbish");
        let server = TestPostgres::start_in(folder);
        let place = Place::database_on(&server.url);
        let program = place.start(&[]);
        place.wait_for(&accepted(&program.local_url(), "quick", None, 0), "done");
        // A log that has room for all that follows, so that it is the tables that cannot grow.
        assert_eq!(place.execute("SELECT pg_switch_wal()"), 1);
        place.wait_for(&accepted(&program.local_url(), "quick", None, 0), "done");
        // All but what a few deliveries take.
        let _ = std::fs::write(&rubbish, vec![1; 256 << 20]);
        let rubbish = std::fs::OpenOptions::new().write(true).open(&rubbish).unwrap();
        let size = rubbish.metadata().unwrap().len();
        rubbish.set_len(size - (256 << 10)).unwrap();
        fill(&place, program, |_| rubbish.set_len(0).unwrap());
    });
}

#[test]
#[ignore = "needs root"]
fn a_start_on_a_full_disk_says_so_and_what_was_kept_is_kept() {
    let disk = Disk::mount("3m");
    let place = Place::file_in(disk.path());
    let program = place.start(&[]);
    let id = accepted(&program.local_url(), "alone", None, 2000);
    place.wait_for_entries("start", "alone", 1);
    program.kill();
    // All that is left.
    let _ = std::fs::write(disk.path().join("rubbish"), vec![1; 4 << 20]);
    let program = place.start(&[]);
    let _ = program.wait_for_log("ackground deliveries");
    drop(program);
    std::fs::remove_file(disk.path().join("rubbish")).unwrap();
    let program = place.start(&[]);
    place.wait_for(&id, "done");
    assert_eq!(program.stop().code, Some(0));
}

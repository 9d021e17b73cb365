//! A full disk: each delivery that is accepted is stored, and the server goes on when there is room again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tests::background::{
    Kept, Place, SmallDisk, TestPostgres, accepted, id_of, random, repeated, wait_until,
};
use tests::client::{ClientResponse, post, request};
use tests::program::Program;

/// Posts a delivery of 20 KB.
fn post_large(url: &str, webhook_id: &str) -> ClientResponse {
    // No store can compress it.
    let padding: String = (0..20_000 / 16).map(|_| format!("{:016x}", random())).collect();
    let body = format!("{{\"milliseconds\":1,\"padding\":\"{padding}\"}}");
    let id = format!("Webhook-Id: {webhook_id}");
    let headers = ["Content-Type: application/json", id.as_str()];
    request(url, "POST /webhooks/sleeps", &headers, &body).unwrap()
}

/// Fills the disk, makes room, and checks that each accepted delivery is run, and no other.
fn fill(place: &Place, program: Program, make_room: impl FnOnce(&Program)) {
    let url = program.local_url();
    let mut accepted_ids: Vec<_> = place.kept().into_iter().map(|delivery| delivery.id).collect();
    let before = accepted_ids.len();
    let mut rejected = Vec::new();
    for number in 0..400 {
        let webhook_id = number.to_string();
        let response = post_large(&url, &webhook_id);
        match response.status {
            202 => accepted_ids.push(id_of(&response)),
            status => {
                assert_eq!(status, 503, "{response:?}");
                assert!(response.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
                let error = response.json()["error"].as_str().unwrap().to_owned();
                assert!(error.contains("not accepted"), "{error}");
                rejected.push(webhook_id);
            }
        }
        if rejected.len() == 20 {
            break;
        }
    }
    assert!(
        accepted_ids.len() > before && rejected.len() == 20,
        "{} {}",
        accepted_ids.len(),
        rejected.len()
    );
    assert_eq!(post(&url, "/webhooks/answered", "{}").unwrap().body, "answered");
    let stored = place.kept();
    let was_rejected =
        |delivery: &Kept| delivery.webhook_id.as_ref().is_some_and(|id| rejected.contains(id));
    assert!(!stored.iter().any(was_rejected), "{stored:?}");

    make_room(&program);
    wait_until("a delivery is accepted again", || {
        let response = post_large(&url, "afterwards");
        let is_accepted = response.status == 202;
        accepted_ids.extend(is_accepted.then(|| id_of(&response)));
        is_accepted
    });
    place.wait_for_all();
    accepted_ids.sort_unstable();
    let mut done: Vec<_> = place.kept().into_iter().map(|delivery| delivery.id).collect();
    done.sort_unstable();
    assert_eq!(done, accepted_ids);
    let starts = place.starts();
    let ran_once = starts.len() == accepted_ids.len() && starts.values().all(|starts| *starts == 1);
    assert!(ran_once, "{starts:?}");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);

    let program = place.start(&[]);
    let url = program.local_url();
    assert_eq!(place.kept().len(), accepted_ids.len());
    // A rejected delivery is not stored, so this is no duplicate.
    assert_eq!(post_large(&url, &rejected[0]).status, 202);
    program.stop();
}

#[test]
fn deliveries_are_rejected_while_files_cannot_grow() {
    repeated(|| {
        let place = Place::file();
        // The limit is in units of 512 bytes. A write beyond it fails, and sends no signal.
        let program = place.start_after("trap '' XFSZ; ulimit -S -f 3000", &[]);
        fill(&place, program, |program| {
            let unlimited = ["--pid", &program.id().to_string(), "--fsize=unlimited"];
            let limited = Command::new("prlimit").args(unlimited).status().unwrap();
            assert!(limited.success());
        });
    });
}

#[test]
#[ignore = "needs root"]
fn deliveries_are_rejected_while_the_disk_is_full() {
    repeated(|| {
        let disk = SmallDisk::mount("3m");
        std::fs::write(disk.path().join("filler"), vec![1; 1 << 20]).unwrap();
        let place = Place::file_in(disk.path());
        let program = place.start(&[]);
        fill(&place, program, |_| disk.resize("64m"));
    });
}

#[test]
#[ignore = "needs root and PostgreSQL"]
fn deliveries_are_rejected_while_the_disk_of_the_database_is_full() {
    repeated(|| {
        let disk = SmallDisk::mount("256m");
        let folder = tempfile::tempdir_in(disk.path()).unwrap();
        // The server runs as another user.
        std::fs::set_permissions(disk.path(), Permissions::from_mode(0o755)).unwrap();
        let server = TestPostgres::start_in(folder);
        let place = Place::database_on(&server.url);
        let program = place.start(&[]);
        place.wait_for(&accepted(&program.local_url(), "quick", None, 0), "done");
        // The new segment of the log has room for all that follows, so it is the tables that cannot grow.
        assert_eq!(place.execute("SELECT pg_switch_wal()"), 1);
        place.wait_for(&accepted(&program.local_url(), "quick", None, 0), "done");
        // All but the space of a few deliveries.
        let filler = OpenOptions::new().write(true).open(disk.fill()).unwrap();
        let size = filler.metadata().unwrap().len();
        filler.set_len(size - (256 << 10)).unwrap();
        fill(&place, program, |_| filler.set_len(0).unwrap());
    });
}

#[test]
#[ignore = "needs root"]
fn a_start_on_a_full_disk_says_so_and_loses_no_delivery() {
    let disk = SmallDisk::mount("3m");
    let place = Place::file_in(disk.path());
    let program = place.start(&[]);
    let id = accepted(&program.local_url(), "alone", None, 2000);
    place.wait_for_entries("start", "alone", 1);
    program.kill();
    let filler = disk.fill();
    let program = place.start(&[]);
    let _ = program.wait_for_log("ackground deliveries");
    drop(program);
    std::fs::remove_file(filler).unwrap();
    let program = place.start(&[]);
    place.wait_for(&id, "done");
    assert_eq!(program.stop().code, Some(0));
}

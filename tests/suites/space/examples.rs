//! The examples, compiled and run as on a Space.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::dockerfile::Image;
use tests::repository::{read, root};

use super::{
    EXAMPLES, Example, PAGE, Profile, RunningSpace, Way, blocks_of, compiled, post, start,
};

/// How many MB the program of an example may have.
const LARGEST_SIZE: f64 = 9.0;

/// How many MB the program has by the page's table.
fn size_on_the_page() -> f64 {
    let page = read(PAGE);
    let row = page.lines().find_map(|line| line.strip_prefix("| `Dockerfile` | default |"));
    row.unwrap().split('|').next().unwrap().trim().parse().unwrap()
}

#[allow(clippy::explicit_write, reason = "tests show what is written so, and hide what is printed")]
fn the_program_is_as_small_as_the_page_says(image: &Image) {
    let size = image.program().metadata().unwrap().len() as f64 / 1e6;
    let stated = size_on_the_page();
    writeln!(std::io::stderr(), "A program of {size:.2} MB; the page says {stated}").unwrap();
    assert!((size / stated - 1.0).abs() < 0.1, "{size:.2} MB");
    assert!(size <= LARGEST_SIZE, "{size:.2} MB");
}

/// A program with the default features. The other tests build programs with all of them.
fn without_its_feature_postgresql_is_an_error_that_says_how_to_add_it(image: &Image) {
    let store = ["--store", "postgres://me:hush@db.example.com/bot"];
    let ended = image.command().args(store).output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{error}");
    assert!(error.contains("cargo add webhooks-runtime --features postgres"), "{error}");
    assert!(!error.contains("hush"), "{error}");
}

/// A copy of what the READMEs of the examples copy from.
fn repository(way: &Way) -> PathBuf {
    let repository = way.path("webhooks");
    fs::create_dir(&repository).unwrap();
    let parts = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT"];
    for name in parts.into_iter().chain(["examples", "webhooks-macros", "webhooks-runtime"]) {
        // With their times, by which cargo knows that the crates are the same for all examples.
        let copied = Command::new("cp").arg("-a").arg(root().join(name)).arg(&repository).status();
        assert!(copied.unwrap().success());
    }
    repository
}

/// Copies an example out of the repository as its README says, and returns its project.
fn copied_out(way: &Way, repository: &Path, name: &str) -> PathBuf {
    let readme = read(format!("examples/{name}/README.md"));
    let [here, copied_out] = <[_; 2]>::try_from(blocks_of("console", &readme)).unwrap();
    // As many tests do.
    assert_eq!(here, format!("$ cargo run -p {name}\n"));
    // With the versions of the workspace, none of which cargo needs a network for.
    let lock = repository.join("examples").join(name).join("Cargo.lock");
    fs::copy(root().join("Cargo.lock"), lock).unwrap();
    way.terminal(repository).type_in(&copied_out);
    let project = way.path("my-bot");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    for line in blocks_of("toml", &readme) {
        assert!(manifest.contains(&line), "{name}: {manifest}");
    }
    project
}

/// Builds an example, starts it as on a Space, and sends it deliveries.
fn runs_on_a_space(way: &Way, project: &Path, example: &Example) -> Image {
    let &Example { name, endpoints, secret, status } = example;
    let image = way.build(project);
    // The layer with the dependencies is none of these.
    assert_eq!(compiled(&image.printed[1]), [name], "{}", image.printed[1]);

    let RunningSpace { program, _port } = start(&image);
    for endpoint in endpoints {
        let _ = program.wait_for(&format!("POST https://me-my-bot.hf.space/webhooks/{endpoint}"));
        assert_eq!(post(endpoint, "wrong"), 403, "{name}: {endpoint}");
        assert_eq!(post(endpoint, secret), status, "{name}: {endpoint}");
    }
    if status == 202 {
        let _ = program.wait_for_log("state=done");
        let _ = program.wait_for_log("LOSES at each restart");
        let file = image.path("/home/bot/webhooks.db").metadata().unwrap();
        assert!(!image.is_made_by_root() || file.uid() == 1000);
    }
    assert_eq!(program.stop().code, Some(0), "{name}");
    image
}

#[test]
#[ignore = "needs port 7860, a machine without /data, and minutes to compile all crates once more"]
fn every_example_runs_on_a_space_when_it_was_copied_out_as_its_readme_says() {
    let way = Way::begin(Profile::Dev);
    let repository = repository(&way);
    for example in &EXAMPLES {
        let project = copied_out(&way, &repository, example.name);
        let image = runs_on_a_space(&way, &project, example);
        without_its_feature_postgresql_is_an_error_that_says_how_to_add_it(&image);
        fs::remove_dir_all(project).unwrap();
    }
}

#[test]
#[ignore = "needs port 7860, a machine without /data, and minutes to compile all crates once more"]
fn the_image_of_the_quick_start_is_as_small_as_the_page_says_and_runs() {
    let way = Way::begin(Profile::Image);
    let repository = repository(&way);
    let [quickstart, ..] = &EXAMPLES;
    let project = copied_out(&way, &repository, quickstart.name);
    let image = runs_on_a_space(&way, &project, quickstart);
    the_program_is_as_small_as_the_page_says(&image);
}

//! The files of a Space.

use std::fs;

use tests::dockerfile::{Instruction, build, parse};
use tests::repository::{read, root};

use super::{BOTS, EXAMPLES, Example, PAGE, blocks_of, is_front_matter_of_a_docker_space};

#[test]
fn every_example_is_a_docker_space_that_can_be_copied_under_any_name() {
    let there = fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap());
    let mut there: Vec<_> = there.map(|entry| entry.file_name().into_string().unwrap()).collect();
    there.sort();
    let mut known: Vec<_> = EXAMPLES.iter().map(|example| example.name).collect();
    known.extend(BOTS.map(|(name, _)| name));
    known.push("template");
    known.sort_unstable();
    assert_eq!(there, known);
    for Example { name, .. } in EXAMPLES {
        is_front_matter_of_a_docker_space(&read(format!("examples/{name}/README.md")));
        for file in ["Dockerfile", ".dockerignore", ".gitignore"] {
            let first = read(format!("examples/quickstart/{file}"));
            assert_eq!(read(format!("examples/{name}/{file}")), first, "{name}/{file}");
            assert!(!first.contains(name));
        }
    }
}

#[test]
fn every_bot_is_a_docker_space_with_the_files_of_the_examples_and_its_own_lines() {
    let blocks = |name: &str| {
        let readme = read(format!("examples/{name}/README.md"));
        is_front_matter_of_a_docker_space(&readme);
        let console = blocks_of("console", &readme).split_off(1);
        [console, blocks_of("toml", &readme)].map(|blocks| blocks.concat().replace(name, "NAME"))
    };
    for (name, own) in BOTS {
        for file in ["Dockerfile", ".dockerignore", ".gitignore"] {
            let text = read(format!("examples/{name}/{file}"));
            if file == "Dockerfile" {
                parse(&text).unwrap();
            }
            let is_common = |line: &&str| !own.iter().any(|own| line.contains(own));
            let common: Vec<_> = text.lines().filter(is_common).collect();
            let first = read(format!("examples/quickstart/{file}"));
            assert_eq!(common, first.lines().collect::<Vec<_>>(), "{name}/{file}");
        }
        assert_eq!(blocks(name), blocks("quickstart"), "{name}");
    }
}

/// What a project is made from. The suite `guide` makes one.
#[test]
fn the_template_has_the_files_of_the_examples_and_ignores_secrets() {
    for (file, own) in [("Dockerfile", ""), (".dockerignore", ".env\n"), (".gitignore", ".env\n")] {
        let first = read(format!("examples/quickstart/{file}"));
        assert_eq!(read(format!("examples/template/{file}")), first + own, "{file}");
    }
}

#[test]
fn the_last_stage_is_the_small_debian_that_the_compiler_was_on() {
    let instructions = parse(&read("examples/quickstart/Dockerfile")).unwrap();
    let images = instructions.iter().filter_map(|instruction| match instruction {
        Instruction::From { image, .. } => Some(image.as_str()),
        _ => None,
    });
    let images: Vec<_> = images.collect();
    let release = images[0].strip_prefix("rust:1-slim-").unwrap();
    assert_eq!(images, [images[0], &format!("debian:{release}-slim")]);
    // With a shell in between it would be the shell that is told to stop.
    assert!(matches!(instructions.last(), Some(Instruction::Cmd(_))));
}

#[test]
fn the_dockerfile_fits_a_program_that_is_not_in_main_rs() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    fs::create_dir_all(project.join("src/bin")).unwrap();
    fs::create_dir(project.join("webhooks")).unwrap();
    for (file, text) in [
        ("Dockerfile", read("examples/quickstart/Dockerfile").as_str()),
        ("Cargo.toml", "[package]\nname = \"my-bot\"\nversion = \"0.0.0\"\n"),
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"my-bot\"\nversion = \"0.0.0\"\n"),
        ("src/bin/my-bot.rs", "fn main() { print!(\"mine\") }\n"),
    ] {
        fs::write(project.join(file), text).unwrap();
    }
    let image = build(&project, &folder.path().join("stages"), &[("CARGO_NET_OFFLINE", "true")]);
    assert_eq!(image.command().output().unwrap().stdout, b"mine");
}

#[test]
fn the_page_shows_the_files_that_it_is_about() {
    let page = read(PAGE);
    assert_eq!(blocks_of("dockerfile", &page), [read("examples/quickstart/Dockerfile")]);
    let [readme] = <[_; 1]>::try_from(blocks_of("yaml", &page)).unwrap();
    is_front_matter_of_a_docker_space(&readme);
    for file in [".dockerignore", ".gitignore"] {
        for line in read(format!("examples/quickstart/{file}")).lines() {
            assert!(page.contains(&format!("`{line}`")), "{file}: {line}");
        }
    }
}

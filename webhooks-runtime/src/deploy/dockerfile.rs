//! Makes the `Dockerfile` of a project that has none.

use super::project::CargoProject;

/// The image that compiles, and its settings.
const BUILD_STAGE: &str = "\
FROM rust:1-slim-trixie AS build
WORKDIR /build
# Optimizes for size. If your program computes a lot, remove CARGO_PROFILE_RELEASE_OPT_LEVEL.
ENV CARGO_PROFILE_RELEASE_OPT_LEVEL=z CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
ENV CARGO_PROFILE_RELEASE_STRIP=true CARGO_BUILD_RUSTFLAGS=-Clink-arg=-Wl,-z,pack-relative-relocs

";

/// Compiles the dependencies first, before and after the folders that they are in.
const DEPENDENCIES: [&str; 2] = [
    "\
# Compiles the dependencies, with an empty program. This layer is cached until they change.
COPY Cargo.toml Cargo.lock ./
",
    "\
RUN mkdir src && echo 'fn main() {}' > src/main.rs && cargo build --release --locked && rm -r src

# Compiles your program. If it is compiled from more files (build.rs, assets), copy them too. Cargo compares times:
# without the touch, a main.rs that is older than the layer above would count as compiled.
COPY src src
RUN touch -c src/main.rs && ",
];

/// Compiles everything at once.
const EVERYTHING: &str = "\
# Compiles the workspace's packages and their dependencies.
COPY . .
RUN ";

/// The image that runs the program.
const RUN_STAGE: &str = "
# The home directory of user 1000, which runs the program on a Space.
RUN mkdir -p home/bot

FROM debian:trixie-slim
COPY --from=build /build/program /usr/local/bin/bot
COPY --from=build --chown=1000:1000 /build/home /home
WORKDIR /home/bot
ENV HOME=/home/bot
USER 1000:1000
EXPOSE 7860
CMD [\"bot\"]
";

/// Returns the `Dockerfile` for a project. That of a simple one is the guide's.
pub(super) fn dockerfile(project: &CargoProject) -> String {
    let folder = if project.folder.is_empty() { "." } else { &project.folder };
    let binary = project.binary.as_ref().map_or_else(String::new, |name| format!(" --bin {name}"));
    let install = format!(
        "cargo install --locked --no-track --path {folder}{binary} --root out && mv out/bin/* program\n"
    );
    let compile = if project.is_complex {
        EVERYTHING.to_owned()
    } else {
        let copy = |folder: &String| format!("COPY {folder} {folder}\n");
        let copies: String = project.vendored.iter().map(copy).collect();
        [DEPENDENCIES[0], &copies, DEPENDENCIES[1]].concat()
    };
    [BUILD_STAGE, &compile, &install, RUN_STAGE].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    fn project() -> CargoProject {
        CargoProject {
            root: PathBuf::new(),
            package: "my-bot".to_owned(),
            folder: String::new(),
            binary: None,
            is_complex: false,
            vendored: BTreeSet::from(["webhooks".to_owned()]),
            target: PathBuf::new(),
        }
    }

    #[test]
    fn the_dockerfile_of_a_simple_project_is_the_guides() {
        let guide = include_str!("../../../examples/quickstart/Dockerfile");
        assert_eq!(dockerfile(&project()), guide);
        let alone = CargoProject { vendored: BTreeSet::new(), ..project() };
        assert_eq!(dockerfile(&alone), guide.replace("COPY webhooks webhooks\n", ""));
    }

    #[test]
    fn a_member_of_a_workspace_is_compiled_in_it() {
        let member = CargoProject {
            folder: "bots/mine".to_owned(),
            binary: Some("mine".to_owned()),
            is_complex: true,
            ..project()
        };
        let text = dockerfile(&member);
        let install =
            "RUN cargo install --locked --no-track --path bots/mine --bin mine --root out && mv";
        assert!(text.contains("\nCOPY . .\n") && text.contains(install), "{text}");
        assert!(!text.contains("COPY src"), "{text}");
    }
}

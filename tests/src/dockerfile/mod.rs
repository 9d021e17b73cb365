//! Walks a Dockerfile without Docker, on the machine that the tests run on.
//!
//! A stage is a folder in place of a file system, and what its image has installed is what this machine
//! has. So a `RUN` may name no absolute path, which would be this machine's, and comes before `USER`. All
//! else is as in Docker: copies keep their times and rights, a stage has only what is copied to it, and the
//! program is looked for in the last one alone, and starts as the user, in the folder and with the variables
//! that the Dockerfile says.
//!
//! What the walk doesn't know is an error: a step left out in silence would be one that nobody tests.

mod copy;
mod image;
mod instruction;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use copy::{Copy, Ignored};
pub use image::Image;
pub use instruction::{Instruction, Owner, parse};

use crate::program::fail;

/// What a compiler needs that is installed on this machine; those that are set.
const INSTALLED: [&str; 5] = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

/// A folder in place of a file system, and what is said for the programs in it.
#[derive(Debug, Default)]
struct BuildStage {
    root: PathBuf,
    folder: PathBuf,
    variables: Vec<(String, String)>,
    user: Option<Owner>,
    exposed: Vec<u16>,
    cmd: Vec<String>,
}

struct Build<'a> {
    project: PathBuf,
    ignored: Ignored,
    /// Where the stages are that have a name.
    stages: &'a Path,
    named: HashMap<String, PathBuf>,
    /// Where the one is that has none.
    last: &'a Path,
    variables: &'a [(&'a str, &'a str)],
    printed: Vec<String>,
}

/// Does what the `Dockerfile` of a project says.
///
/// A stage with a name is a folder in `stages`, the same each time: what a compiler keeps goes by paths.
/// `variables` are what every `RUN` has beside those of the Dockerfile.
///
/// # Panics
///
/// When a step isn't known, or fails: the message says which, and why.
#[must_use]
pub fn build(project: &Path, stages: &Path, variables: &[(&str, &str)]) -> Image {
    try_build(project, stages, variables)
        .unwrap_or_else(|error| fail(&format!("Dockerfile: {error}")))
}

fn try_build(project: &Path, stages: &Path, variables: &[(&str, &str)]) -> Result<Image, String> {
    let dockerfile = fs::read_to_string(project.join("Dockerfile")).map_err(text)?;
    let root = TempDir::new().map_err(text)?;
    // Another user starts the program in it.
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).map_err(text)?;
    let mut build = Build {
        project: project.to_owned(),
        ignored: Ignored::read(project)?,
        stages,
        named: HashMap::new(),
        last: root.path(),
        variables,
        printed: Vec::new(),
    };
    let mut stage = None;
    for instruction in parse(&dockerfile)? {
        let step = format!("{instruction:?}");
        stage = Some(build.step(stage, instruction).map_err(|error| format!("{step}: {error}"))?);
    }
    let stage =
        stage.filter(|stage| stage.root == root.path()).ok_or("the last stage has a name")?;
    Ok(Image { stage, printed: build.printed, root })
}

impl Build<'_> {
    fn step(
        &mut self,
        stage: Option<BuildStage>,
        instruction: Instruction,
    ) -> Result<BuildStage, String> {
        if let Instruction::From { image, name } = instruction {
            return self.begin(&image, name);
        }
        let mut stage = stage.ok_or("before any FROM")?;
        match instruction {
            Instruction::From { .. } => {}
            Instruction::Workdir(folder) => {
                stage.folder.push(folder);
                fs::create_dir_all(stage.inside(&stage.folder)).map_err(text)?;
            }
            Instruction::Copy { from, owner, sources, destination } => {
                let nothing = Ignored::default();
                let (root, ignored) = match from {
                    Some(name) => (self.named.get(&name).ok_or("no such stage")?, &nothing),
                    None => (&self.project, &self.ignored),
                };
                let copy = Copy { root, ignored, owner };
                for source in &sources {
                    let source = source.strip_prefix("/").unwrap_or(source);
                    let mut to = stage.inside(&stage.folder.join(&destination));
                    if destination.ends_with('/') && root.join(source).is_file() {
                        to.push(source.file_name().unwrap_or_default());
                    }
                    copy.copy(source, &to)
                        .map_err(|error| format!("{}: {error}", source.display()))?;
                }
            }
            Instruction::Run(line) => self.printed.push(stage.run(&line, self.variables)?),
            Instruction::Env(variables) => stage.variables.extend(variables),
            Instruction::User(owner) => stage.user = Some(owner),
            Instruction::Expose(port) => stage.exposed.push(port),
            Instruction::Cmd(cmd) => stage.cmd = cmd,
        }
        Ok(stage)
    }

    fn begin(&mut self, image: &str, name: Option<String>) -> Result<BuildStage, String> {
        if self.named.contains_key(image) {
            return Err("a stage on another stage is not known here".to_owned());
        }
        let root = name.as_ref().map_or(self.last.to_owned(), |name| self.stages.join(name));
        if let Some(name) = name {
            if root.exists() {
                fs::remove_dir_all(&root).map_err(text)?;
            }
            self.named.insert(name, root.clone());
        } else if fs::read_dir(&root).map_err(text)?.next().is_some() {
            return Err("only the last stage has no name here".to_owned());
        }
        fs::create_dir_all(&root).map_err(text)?;
        Ok(BuildStage { root, folder: "/".into(), ..BuildStage::default() })
    }
}

impl BuildStage {
    /// Where a path of the stage is on this machine.
    fn inside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn run(&self, line: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        if self.user.is_some() {
            return Err("RUN after USER".to_owned());
        }
        let absolute =
            |word: &str| word.trim_start_matches(['>', '<', '\'', '"', '=']).starts_with('/');
        if let Some(word) = line.split_whitespace().find(|word| absolute(word)) {
            return Err(format!("{word} would be this machine's"));
        }
        let installed = INSTALLED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .current_dir(self.inside(&self.folder))
            .env_clear()
            .envs(installed)
            .envs(self.variables.iter().cloned())
            .envs(variables.iter().copied())
            .output()
            .map_err(text)?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(printed) } else { Err(printed) }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn text(error: std::io::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// Builds a project of these files in which `RUN` finds the variable `GIVEN`.
    fn build(files: &[(&str, &str)]) -> Result<Image, String> {
        let project = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(project.path().join(name), text).unwrap();
        }
        try_build(project.path(), &project.path().join("stages"), &[("GIVEN", "given")])
    }

    #[test]
    fn a_stage_has_what_was_copied_to_it_and_the_program_what_was_said() {
        let dockerfile = "FROM a AS one\nWORKDIR /x/y\nENV SAID=said\nCOPY a b ./\n\
            RUN cat a b > c && echo $SAID $GIVEN && chmod +x c && mkdir -p home/me\n\
            FROM b\nCOPY --from=one /x/y/c /usr/bin/program\nCOPY --from=one --chown=1000:1000 /x/y/home /home\n\
            ENV HOME=/home/me\nWORKDIR /home/me\nUSER 1000:1000\nEXPOSE 80\nCMD [\"program\", \"1\"]\n";
        let script = "#!/bin/sh\n";
        let image = build(&[
            ("Dockerfile", dockerfile),
            ("a", script),
            ("b", "touch ~/made; pwd; echo $1 $SAID"),
        ]);
        let image = image.unwrap();
        assert_eq!(image.printed, ["said given\n"]);
        assert_eq!((image.user().unwrap().user, image.exposed()), (1000, &[80][..]));
        assert!(!image.path("/x").exists());
        let output = image.command().output().unwrap();
        let home = image.path("/home/me");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}\n1\n", home.display()));
        let made = home.join("made").metadata().unwrap();
        if image.is_made_by_root() {
            assert_eq!((made.uid(), made.gid()), (1000, 1000));
        }
    }

    #[test]
    fn a_step_that_cannot_be_done_is_told() {
        for (step, reason) in [
            ("RUN echo no; false", "no\n"),
            ("RUN mkdir /y", "this machine's"),
            ("RUN echo x >/y", "this machine's"),
            ("COPY nothing y", "nothing: "),
            ("COPY --from=nobody a b", "no such stage"),
            ("USER 1:1\nRUN true", "RUN after USER"),
            ("FROM b AS two", "the last stage has a name"),
            ("FROM b AS two\nFROM two", "a stage on another stage"),
            ("WORKDIR /x\nFROM b", "only the last stage has no name"),
        ] {
            let error = build(&[("Dockerfile", &format!("FROM a\n{step}\n"))]).unwrap_err();
            assert!(error.contains(reason), "{step}: {error}");
        }
        assert!(build(&[("Dockerfile", "RUN true")]).unwrap_err().contains("before any FROM"));
    }
}

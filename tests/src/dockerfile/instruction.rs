//! The instructions of a Dockerfile, in the forms that the walk knows.

use std::path::PathBuf;

/// A user and a group, by number: what a program may do depends on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user's id.
    pub user: u32,
    /// The group's id.
    pub group: u32,
}

/// One step of a Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `FROM image` or `FROM image AS name`: begins a stage.
    From {
        /// The image that the stage begins with.
        image: String,
        /// What later stages call this one.
        name: Option<String>,
    },
    /// `WORKDIR folder`: makes a folder and goes there.
    Workdir(PathBuf),
    /// `COPY [--from=stage] [--chown=user:group] source… destination`.
    Copy {
        /// The stage to copy from, in place of the project.
        from: Option<String>,
        /// Whose the copies are; root's when nothing is said.
        owner: Option<Owner>,
        /// Files and folders.
        sources: Vec<PathBuf>,
        /// Where to, as it is written: a slash at its end has a meaning.
        destination: String,
    },
    /// `RUN command`, as a line of shell.
    Run(String),
    /// `ENV NAME=value …`.
    Env(Vec<(String, String)>),
    /// `USER user:group`.
    User(Owner),
    /// `EXPOSE port`.
    Expose(u16),
    /// `CMD ["program", "argument"]`. In the form for a shell, signals would end the shell alone.
    Cmd(Vec<String>),
}

/// Reads a Dockerfile.
///
/// # Errors
///
/// When it holds something that the walk doesn't know: names the line.
pub fn parse(dockerfile: &str) -> Result<Vec<Instruction>, String> {
    let lines = dockerfile.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| instruction(line).ok_or_else(|| format!("not known here: {line}"))).collect()
}

fn instruction(line: &str) -> Option<Instruction> {
    // It would go on in the next line.
    if line.ends_with('\\') {
        return None;
    }
    let (name, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    match name {
        "RUN" => return (!rest.starts_with(['-', '['])).then(|| Instruction::Run(rest.to_owned())),
        "CMD" => return serde_json::from_str(rest).ok().map(Instruction::Cmd),
        // Variables, quotes and patterns, in the place of which Docker would put something else.
        _ if rest.contains(['$', '"', '\'', '*', '?', '[']) => return None,
        _ => {}
    }
    let words: Vec<_> = rest.split_whitespace().collect();
    let instruction = match (name, words.as_slice()) {
        ("FROM", [image]) => Instruction::From { image: (*image).into(), name: None },
        ("FROM", [image, "AS", name]) => {
            Instruction::From { image: (*image).into(), name: Some((*name).into()) }
        }
        ("WORKDIR", [folder]) => Instruction::Workdir(folder.into()),
        ("COPY", words) => copy(words)?,
        ("ENV", pairs) => {
            Instruction::Env(pairs.iter().map(|pair| variable(pair)).collect::<Option<_>>()?)
        }
        ("USER", [who]) => Instruction::User(owner(who)?),
        ("EXPOSE", [port]) => Instruction::Expose(port.parse().ok()?),
        _ => return None,
    };
    Some(instruction)
}

fn copy(mut words: &[&str]) -> Option<Instruction> {
    let (mut from, mut chown) = (None, None);
    while let [flag, rest @ ..] = words
        && flag.starts_with("--")
    {
        match flag.split_once('=')? {
            ("--from", stage) => from = Some(stage.to_owned()),
            ("--chown", who) => chown = Some(owner(who)?),
            _ => return None,
        }
        words = rest;
    }
    let (destination, sources) = words.split_last()?;
    // Several files go into a folder, which the slash says.
    let one_place = sources.len() == 1 || destination.ends_with('/');
    (one_place && !sources.is_empty()).then(|| Instruction::Copy {
        from,
        owner: chown,
        sources: sources.iter().map(PathBuf::from).collect(),
        destination: (*destination).to_owned(),
    })
}

fn variable(pair: &str) -> Option<(String, String)> {
    pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Both numbers: with a user alone, the group would be root's.
fn owner(text: &str) -> Option<Owner> {
    let (user, group) = text.split_once(':')?;
    Some(Owner { user: user.parse().ok()?, group: group.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_an_error() {
        for line in [
            "ADD a b",
            "ARG NAME",
            "ONBUILD RUN x",
            "run true",
            "FROM a as b",
            "FROM --platform=linux/amd64 a",
            "COPY a",
            "COPY a b c",
            "COPY *.toml ./",
            "COPY --link a b",
            "COPY --chown=bot a b",
            "RUN --mount=type=cache,target=/x true",
            "RUN [\"true\"]",
            "RUN true && \\",
            "ENV HOME /home/bot",
            "ENV HOME=$PWD",
            "USER bot",
            "USER 1000",
            "EXPOSE 7860/tcp",
            "CMD bot",
            "CMD",
        ] {
            let error = parse(&format!("# A comment\n\n{line}\n")).unwrap_err();
            assert_eq!(error, format!("not known here: {line}"));
        }
    }

    #[test]
    fn copies_say_from_where_and_whose_they_are() {
        let line = "COPY --from=build --chown=1000:1000 /a /b c/";
        let expected = Instruction::Copy {
            from: Some("build".into()),
            owner: Some(Owner { user: 1000, group: 1000 }),
            sources: vec!["/a".into(), "/b".into()],
            destination: "c/".into(),
        };
        assert_eq!(parse(line), Ok(vec![expected]));
    }
}

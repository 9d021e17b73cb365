//! Defines the errors of a deployment.

use std::fmt;

use crate::hub::HubError;
use crate::text::in_one_line;

/// Why a project cannot be deployed. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("`{command}` failed: {reason}")]
    Command { command: String, reason: String },
    #[error(
        "{folder} is not the project of the program {program}. Run `deploy` in the project's folder, for example with \
         `cargo run -- deploy me/my-bot`."
    )]
    OtherFolder { folder: String, program: String },
    #[error(
        "These packages are outside of {root}, so that the Space could not build them: {}. Copy them into the folder \
         and run `cargo add --path FOLDER` for each, or make all of them members of one workspace.",
        in_one_line(&.packages.join(", "))
    )]
    OutsidePackages { root: String, packages: Vec<String> },
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error(
        "{path} has {megabytes} MB, and files of more than 10 MB need Git Xet or LFS. Name it in .gitignore or \
         .dockerignore, or upload it with `hf upload`."
    )]
    LargeFile { path: String, megabytes: u64 },
    #[error(
        "A token of the Hub is in these files: {}. Nothing was uploaded. Remove it there, or name the file in \
         .gitignore, and pass the token with --secret NAME. If the token was public before, revoke it.",
        in_one_line(&.places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    )]
    TokensInFiles { places: Vec<TokenPlace> },
    #[error(
        "Cargo.lock is not among the files to upload, and the Dockerfile builds with it. Run `cargo build`, and \
         remove Cargo.lock from .gitignore."
    )]
    NoLockFile,
    #[error(
        "README.md begins with settings of a Space, and `sdk: docker` is not among them. Write `sdk: docker` between \
         the two lines `---`."
    )]
    OtherSdk,
}

/// Where a token is. It does not contain the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenPlace {
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// Why a deployment failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    #[error(
        "The Space {space} exists, and `deploy` has not made it. Choose another name, or add --force to replace its \
         files. --force deletes none of them."
    )]
    NotOurs { space: String },
    #[error(
        "Files of the Space {space} were changed there since the last `deploy`: {}. Copy the changes that \
         you want to keep into the project, and add --force to replace the files.",
        some_of(.files)
    )]
    EditedOnSpace { space: String, files: Vec<String> },
    #[error(
        "The Space {space} is {current}. `deploy` does not change that: change the visibility in its settings, or \
         leave out --visibility."
    )]
    OtherVisibility { space: String, current: &'static str },
    #[error(
        "The Hub does not create the Docker Space {space}: {message}. A Docker Space needs a paid plan: see \
         https://huggingface.co/pricing. Without one, deploy elsewhere, or run the program as a Job."
    )]
    NoPaidPlan { space: String, message: String },
    #[error(
        "The name {space} is taken, by a repo that this token cannot read. Choose another name, or use a token of its \
         owner."
    )]
    NameTaken { space: String },
    #[error(
        "The Hub keeps {path} as a large file (LFS), which `deploy` does not upload. Name it in .gitignore or \
         .dockerignore, or upload it with `hf upload`."
    )]
    LargeFile { path: String },
    #[error("The Space {space} was changed while it was deployed. Run the command again.")]
    ChangedMeanwhile { space: String },
    #[error("The Space {space} has the stage {stage}. See its log at {url}.")]
    Failed { space: String, stage: String, url: String },
    #[error(
        "The Space {space} still has the stage {stage} after {minutes} minutes. It goes on without this command: see \
         its log at {url}, and run the command again to register the webhooks."
    )]
    TooSlow { space: String, stage: String, minutes: u64, url: String },
    #[error("The Space {space} runs, and {url} does not respond: {reason}. See its log at {log}.")]
    Unhealthy { space: String, url: String, reason: String, log: String },
    #[error(
        "The Hub does not say at which address the Space {space} runs. Run `webhooks sync --public-url URL` with the \
         address on its page."
    )]
    NoAddress { space: String },
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// Returns the first paths of a list, and how many others there are.
fn some_of(paths: &[String]) -> String {
    const MOST: usize = 10;
    let first = paths.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    let others = paths.len().saturating_sub(MOST);
    let text = if others == 0 { first } else { format!("{first} and {others} more") };
    in_one_line(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_files_is_shortened() {
        let files = |count: usize| (0..count).map(|file| format!("f{file}")).collect::<Vec<_>>();
        assert_eq!(some_of(&files(2)), "f0, f1");
        assert!(some_of(&files(12)).ends_with(", f9 and 2 more"));
        assert_eq!(some_of(&["a\u{1b}".to_owned()]), "a\\u{1b}");
    }
}

//! Defines the flags of `deploy`.

use clap::Args;

use crate::hub::RepoVisibility;

const EXAMPLES: &str = "\
Examples:
  # Show what would be uploaded and set
  cargo run -- deploy me/my-bot --dry-run

  # Create the Space, or update it
  cargo run -- deploy me/my-bot
  cargo run -- deploy me/my-bot --secret HF_TOKEN --variable RUST_LOG=info

Files:
  All files of the project that .gitignore and .dockerignore do not name are uploaded, except for
  .git, target, .env*, *.db* and .cargo/credentials*. A file with a token of the Hub stops the
  command. A Dockerfile and the settings in README.md are added if they are missing. Only files
  that an earlier `deploy` has uploaded are deleted.

Secret:
  A Space without WEBHOOK_SECRET gets a new one, which is stored on this machine for the next
  `deploy`, readable only for you.

Token:
  The command needs a token that may write repos and webhooks: in HF_TOKEN, or from `hf auth login`.
  It is copied to the Space only with --secret HF_TOKEN.

Exit code:
  0    if the Space runs, or nothing was to be changed with --dry-run
  1    if the Hub refused something or was not reachable, the Space failed, files were changed on
       the Space, or you answered no
  2    for a wrong command line, a start-up error such as a missing token, files that cannot be
       uploaded, or without a terminal to ask on and without --yes
  130  after Ctrl+C (143 after SIGTERM): what was done until then stays";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Deploy {
    /// The Space, with its owner
    #[arg(value_name = "OWNER/NAME", value_parser = space_name)]
    pub(super) space: String,
    // Both are checked later: clap's errors would show a value.
    /// Set a secret of the Space to the value of this environment variable
    #[arg(long = "secret", value_name = "NAME")]
    pub(super) secrets: Vec<String>,
    /// Set a variable of the Space, which everyone can read
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub(super) variables: Vec<String>,
    /// Who can see a new Space [default: public] [possible values: public, private]
    #[arg(long, value_name = "VISIBILITY", value_parser = visibility)]
    pub(super) visibility: Option<RepoVisibility>,
    /// Request this hardware, such as cpu-upgrade, which costs money as long as the Space runs
    #[arg(long, value_name = "FLAVOR")]
    pub(super) hardware: Option<String>,
    /// Only print what would be uploaded and set
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Don't ask
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    /// Also replace files on the Space that `deploy` has not uploaded, or that were changed there since
    #[arg(long)]
    pub(super) force: bool,
    /// Print each step as one line of JSON, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

fn space_name(text: &str) -> Result<String, &'static str> {
    let is_name = |part: &str| {
        let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !part.is_empty() && part.chars().all(is_allowed)
    };
    match text.split_once('/') {
        Some((owner, name)) if is_name(owner) && is_name(name) => Ok(text.to_owned()),
        _ => Err("expected an owner and a name, like me/my-bot"),
    }
}

fn visibility(text: &str) -> Result<RepoVisibility, &'static str> {
    match text {
        "public" => Ok(RepoVisibility::Public),
        "private" => Ok(RepoVisibility::Private),
        _ => Err("expected public or private"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_has_an_owner_and_a_name() {
        assert_eq!(space_name("me/my-bot_1.0").as_deref(), Ok("me/my-bot_1.0"));
        for text in ["", "bot", "me/", "/bot", "me/my/bot", "space:me/bot", "me/..%2f", "me/a b"] {
            assert!(space_name(text).is_err(), "{text}");
        }
    }
}

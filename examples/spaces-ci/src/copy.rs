//! The ephemeral copy of a Space, which runs the files of a pull request.

use anyhow::ensure;
use webhooks_runtime::hub::{OptionalExtension, code_span};
use webhooks_runtime::{Hub, RepoId};

use crate::Config;

/// The variable that names the pull request of a copy. The bot deletes no Space without it.
const MARK: &str = "SPACES_CI";

pub fn name(space: &RepoId, num: impl std::fmt::Display) -> String {
    format!("{}-ci-pr-{num}", space.name)
}

/// Creates, updates or deletes the copy. It may fail anywhere, and be called again.
pub async fn sync(hub: &Hub, config: &Config, space: &RepoId, num: u64) -> anyhow::Result<()> {
    let copy = RepoId::space(name(space, num));
    let own = format!("{space}#{num}, trusted: ");
    let variables = hub.space_variables(&copy).await.optional()?;
    let mark = variables.map(|mut variables| variables.remove(MARK).unwrap_or_default());
    let is_own = mark.as_ref().is_none_or(|mark| mark.starts_with(&own));
    ensure!(is_own, "{copy} was not made by this bot: rename it");
    let details = hub.discussion(space, num).await.optional()?;
    let Some(details) = details.filter(|it| it.discussion.is_open_pull_request()) else {
        if mark.is_some() {
            // Before the comment: a locked discussion must not keep the copy running.
            hub.delete_repo(&copy).await.optional()?;
            let text = "The copy was deleted.";
            hub.upsert_comment(space, num, "spaces-ci", text).await.optional()?;
        }
        return Ok(());
    };
    let head = hub.repo_info_at(space, &format!("refs/pr/{num}")).await?.sha.unwrap_or_default();
    let mut trusted = hub.repo_owners(space).await?;
    trusted.extend(config.trusted_authors.split(',').map(|author| author.trim().to_owned()));
    let trusts = |account: &Option<String>| account.as_ref().is_some_and(|it| trusted.contains(it));
    // With the whole id of the commit: another one with the same short id is easy to make.
    let approval = format!("/trust {head}");
    let is_trusted = trusts(&details.discussion.author)
        || details.comments().iter().any(|it| trusts(&it.author) && it.content.trim() == approval);
    let none = format!("It has no secrets until a trusted author comments `{approval}`.");
    let secrets = if is_trusted { "It has secrets." } else { &none };
    let settings = if is_trusted { &config.trusted } else { &config.untrusted };
    let wanted = format!("{own}{is_trusted}");
    if mark.as_ref() != Some(&wanted) {
        // From the beginning, so that no code of a stranger is ever in a copy with secrets.
        if mark.is_some() {
            hub.delete_repo(&copy).await.optional()?;
        }
        hub.duplicate_space(space, &copy.name, &settings.clone().variable(MARK, wanted)).await?;
    }
    let missing = hub.mirror_files(space, &head, &copy, "main").await?;
    let (name, url) = (&copy.name, format!("{}/spaces/{}", hub.address(), copy.name));
    let mut text = format!(
        "[{name}]({url}) runs this pull request at {head:.7}, until it is closed. {secrets}"
    );
    for file in missing {
        let path = code_span(&file.path);
        text += &format!("\n- The copy lacks the large file {path}: the Hub cannot copy it.");
    }
    hub.upsert_comment(space, num, "spaces-ci", &text).await?;
    Ok(())
}

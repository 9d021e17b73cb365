//! The ephemeral copy of a Space, which runs the files of a pull request.

use anyhow::ensure;
use webhooks_runtime::hub::{Comment, OptionalExtension};
use webhooks_runtime::{Hub, HubError, RepoId};

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
            hub.delete_repo(&copy).await?;
            let said = hub.upsert_comment(space, num, "spaces-ci", "The copy was deleted.").await;
            if let Err(error) = said.optional() {
                tracing::warn!("{copy} was deleted, but the comment failed: {error}");
            }
        }
        return Ok(());
    };
    let head = hub.repo_info_at(space, &format!("refs/pr/{num}")).await?.sha.unwrap_or_default();
    let trusted = trusted(hub, config, space.owner().unwrap_or_default()).await?;
    let trusts = |account: &Option<String>| account.as_ref().is_some_and(|it| trusted.contains(it));
    // With the whole id of the commit: another one with the same short id is easy to make.
    let approval = format!("/trust {head}");
    let is_approval = |it: &Comment| trusts(&it.author) && it.content.trim() == approval;
    let is_trusted =
        trusts(&details.discussion.author) || details.comments().iter().any(is_approval);
    let none = format!("It has no secrets until a trusted author comments `{approval}`.");
    let secrets = if is_trusted { "It has secrets." } else { &none };
    let settings = if is_trusted { &config.trusted } else { &config.untrusted };
    let wanted = format!("{own}{is_trusted}");
    if mark.as_ref() != Some(&wanted) {
        // From the beginning, so that no code of a stranger is ever in a copy with secrets.
        if mark.is_some() {
            hub.delete_repo(&copy).await?;
        }
        hub.duplicate_space(space, &copy.name, &settings.clone().variable(MARK, wanted)).await?;
    }
    let large = hub.mirror_files(space, &head, &copy, "main").await?.len();
    let (url, name) = (hub.address(), &copy.name);
    let text = format!(
        "[{name}]({url}/spaces/{name}) runs this pull request at {head:.7}, until it is closed. \
         {secrets} Large files that are not copied: {large}."
    );
    hub.upsert_comment(space, num, "spaces-ci", &text).await?;
    Ok(())
}

/// Returns the accounts whose code may use the secrets.
async fn trusted(hub: &Hub, config: &Config, owner: &str) -> Result<Vec<String>, HubError> {
    // A user has no members.
    let members = hub.organization_members(owner).await.optional()?.unwrap_or_default();
    let authors = config.trusted_authors.split(',').map(|author| author.trim().to_owned());
    Ok(authors.chain([owner.to_owned()]).chain(members).collect())
}

//! The ephemeral copy of a Space, which runs the files of a pull request.

use anyhow::ensure;
use webhooks_runtime::hub::{Comment, OptionalExtension};
use webhooks_runtime::{Hub, HubError, RepoId};

use crate::Config;

/// The variable that says what a Space is a copy of. The bot deletes no Space without it.
const MARK: &str = "SPACES_CI";

pub fn name(space: &RepoId, num: impl std::fmt::Display) -> String {
    format!("{}-ci-pr-{num}", space.name)
}

/// Creates, updates or deletes the copy. It may fail anywhere, and be called again.
pub async fn sync(hub: &Hub, config: &Config, space: &RepoId, num: u64) -> anyhow::Result<()> {
    let copy = RepoId::space(name(space, num));
    let variables = hub.space_variables(&copy).await.optional()?;
    let mark = variables.as_ref().map(|variables| variables.get(MARK));
    ensure!(mark != Some(None), "{copy} was not made by this bot: rename it");
    let details = hub.discussion(space, num).await.optional()?;
    let Some(details) = details.filter(|it| it.discussion.is_open_pull_request()) else {
        if mark.is_some() {
            hub.upsert_comment(space, num, "spaces-ci", "The copy was deleted.")
                .await
                .optional()?;
            hub.delete_repo(&copy).await?;
        }
        return Ok(());
    };
    let head = hub.repo_info_at(space, &format!("refs/pr/{num}")).await?.sha.unwrap_or_default();
    let trusted = trusted(hub, config, space.owner().unwrap_or_default()).await?;
    let trusts = |account: &Option<String>| account.as_ref().is_some_and(|it| trusted.contains(it));
    let is_approval = |it: &Comment| trusts(&it.author) && it.content.trim() == "/trust";
    // An approval is for the commit before it.
    let is_trusted =
        trusts(&details.discussion.author) || details.comments_after(&head).iter().any(is_approval);
    let (settings, secrets) = if is_trusted {
        (&config.trusted, "It has secrets.")
    } else {
        (&config.untrusted, "It has no secrets until a trusted author comments `/trust`.")
    };
    let wanted = format!("{space}#{num}, trusted: {is_trusted}");
    if mark.flatten() != Some(&wanted) {
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

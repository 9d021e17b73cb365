//! The ephemeral copy of a Space, which runs the files of a pull request.

use webhooks_runtime::{Hub, RepoId, hub::OptionalExtension, hub::code_span};

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
    let is_own = mark.as_ref().is_some_and(|mark| mark.starts_with(&own));
    let details = hub.discussion_without_diff(space, num).await.optional()?;
    let Some(open) = details.filter(|it| it.discussion.is_open_pull_request()) else {
        if is_own {
            // Before the comment: a locked discussion must not keep the copy running.
            hub.delete_repo(&copy).await.optional()?;
        }
        // Also without a copy, after an attempt that ended early. A locked discussion is no error.
        return match hub.update_comment(space, num, "spaces-ci", "The copy was deleted.").await {
            Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(()),
            edited => Ok(edited.map(drop)?),
        };
    };
    anyhow::ensure!(mark.is_none() || is_own, "{copy} was not made by this bot: rename it");
    let head = hub.repo_info_at(space, &format!("refs/pr/{num}")).await?.sha.unwrap_or_default();
    let mut trusted = hub.repo_members(space).await?;
    trusted.extend(config.authors.split(',').map(|author| author.trim().to_owned()));
    // With the whole id of the commit: another one with the same short id is easy to make.
    let approval = format!("/trust {head}");
    let mut comments = open.comments().into_iter().filter(|it| it.content.trim() == approval);
    let is_trusted = open.is_only_by(&trusted, &head)
        || comments.any(|it| it.author.is_some_and(|author| trusted.contains(&author)));
    let none = format!("It has no secrets until a trusted author comments `{approval}`.");
    let end = if is_trusted { "It has secrets." } else { &none };
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
    let link = format!("[{0}]({1}/spaces/{0})", copy.name, hub.address());
    let mut text = format!("{link} runs this pull request at {head:.7}, until it is closed. {end}");
    for file in missing.iter().take(20) {
        let path: String = file.path.chars().take(200).collect();
        text += &format!("\n- The copy lacks the file {}: it cannot be copied.", code_span(&path));
    }
    if missing.len() > 20 {
        text += &format!("\n- It lacks {} more files.", missing.len() - 20);
    }
    Ok(hub.upsert_comment(space, num, "spaces-ci", &text).await.map(drop)?)
}

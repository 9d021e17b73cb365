//! Knows the secret of the Space's webhooks, or makes one for a Space without.
//!
//! Nobody can read a secret of a Space. So the one that `deploy` has set is stored on this machine, with the time at
//! which the Hub says that it was set: another time means that somebody has set another secret since.

use std::io;

use crate::deploy::snapshot::SpaceSnapshot;
use crate::registration::new_secret;
use crate::state::{FileState, SecretFile, SharedState, StateError};

/// The variable with the secret.
pub(super) const WEBHOOK_SECRET: &str = "WEBHOOK_SECRET";

/// The key of the time at which the stored secret was set.
const SET_AT: &str = "deploy.secret_set_at";

/// The secret of a Space.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KnownSecret {
    /// `None` if the Space has one that is not known here.
    pub(super) value: Option<String>,
    /// Whether it is to be set on the Space, if an endpoint needs it.
    pub(super) is_to_be_set: bool,
}

/// Where the secret of a Space is stored on this machine.
pub(super) struct SecretStorage {
    pub(super) file: SecretFile,
    pub(super) state: FileState,
}

impl SecretStorage {
    /// Returns that of a project on a Space; `None` if the user has no folder for files.
    pub(super) fn of(project: &str, space: &str) -> Option<Self> {
        let name = name(project, space);
        Some(Self { file: SecretFile::of_project(&name)?, state: FileState::of_project(&name)? })
    }

    /// Returns the secret of a Space, `None` if there is none yet. `given` is the one on the command line.
    pub(super) async fn secret(
        &self,
        snapshot: Option<&SpaceSnapshot>,
        given: Option<&String>,
    ) -> Result<KnownSecret, StorageError> {
        let stored = self.file.read().map_err(|error| self.error(&error))?;
        let set_at = self.state.get(SET_AT).await?;
        let on_space = snapshot.and_then(|snapshot| snapshot.secrets.get(WEBHOOK_SECRET));
        Ok(match (given, on_space, stored) {
            (Some(given), _, _) => to_be_set(given.clone()),
            (None, Some(info), Some(stored)) if set_at.as_ref() == Some(&info.updated_at) => {
                KnownSecret { value: Some(stored), is_to_be_set: false }
            }
            (None, Some(_), _) => KnownSecret { value: None, is_to_be_set: false },
            (None, None, Some(stored)) => to_be_set(stored),
            (None, None, None) => {
                let secret = new_secret().map_err(|error| self.error(&error))?;
                to_be_set(secret.reveal().to_owned())
            }
        })
    }

    /// Stores a secret, before the Space gets it.
    pub(super) async fn store(&self, secret: &str) -> Result<(), StorageError> {
        self.state.remove(SET_AT).await?;
        self.file.replace(secret).map_err(|error| self.error(&error))
    }

    /// Remembers that the stored secret is the one that the Space has since this time.
    pub(super) async fn remember(&self, set_at: &str) -> Result<(), StorageError> {
        Ok(self.state.set(SET_AT, set_at, None).await?)
    }

    fn error(&self, error: &io::Error) -> StorageError {
        let file = self.file.path().display().to_string();
        StorageError::File { file, reason: error.to_string() }
    }
}

/// Returns what the files of a project on a Space are named after.
fn name(project: &str, space: &str) -> String {
    format!("{project} on {space}")
}

fn to_be_set(value: String) -> KnownSecret {
    KnownSecret { value: Some(value), is_to_be_set: true }
}

/// Why the secret cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum StorageError {
    #[error(
        "The secret of the Space cannot be stored in {file}: {reason}. Pass one with --secret WEBHOOK_SECRET."
    )]
    File { file: String, reason: String },
    #[error(transparent)]
    State(#[from] StateError),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::hub::SpaceSecretInfo;

    fn storage(folder: &tempfile::TempDir) -> SecretStorage {
        SecretStorage {
            file: SecretFile::at(folder.path().join("secrets/bot")),
            state: FileState::new(folder.path().join("state")),
        }
    }

    fn space(set_at: Option<&str>) -> SpaceSnapshot {
        let info = set_at.map(|it| SpaceSecretInfo { updated_at: it.to_owned() });
        let secrets = info.map(|info| (WEBHOOK_SECRET.to_owned(), info));
        SpaceSnapshot { secrets: BTreeMap::from_iter(secrets), ..SpaceSnapshot::default() }
    }

    #[tokio::test]
    async fn a_space_without_a_secret_gets_one_that_is_known_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let storage = storage(&folder);
        let secret =
            async |space: Option<&SpaceSnapshot>| storage.secret(space, None).await.unwrap();
        let new = secret(None).await;
        let value = new.value.clone().unwrap();
        assert!(new.is_to_be_set && value.len() == 43);
        storage.store(&value).await.unwrap();
        // The Space was not made, or was deleted.
        assert!(secret(None).await == new);
        storage.remember("t1").await.unwrap();
        let known = secret(Some(&space(Some("t1")))).await;
        assert!(known == KnownSecret { value: Some(value), is_to_be_set: false });
        // A person has set another one.
        let unknown = secret(Some(&space(Some("t2")))).await;
        assert!(unknown == KnownSecret { value: None, is_to_be_set: false });
    }

    #[tokio::test]
    async fn a_secret_that_this_machine_does_not_know_stays_and_a_given_one_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let storage = storage(&folder);
        let snapshot = space(Some("t1"));
        let secret = storage.secret(Some(&snapshot), None).await.unwrap();
        assert!(secret == KnownSecret { value: None, is_to_be_set: false });
        let given = "hush".to_owned();
        let secret = storage.secret(Some(&snapshot), Some(&given)).await.unwrap();
        assert!(secret == to_be_set(given.clone()));
        storage.store(&given).await.unwrap();
        storage.remember("t2").await.unwrap();
        let secret = storage.secret(Some(&space(Some("t2"))), None).await.unwrap();
        assert!(secret == KnownSecret { value: Some(given), is_to_be_set: false });
    }
}

//! Tests of the file, beyond those of every state.

use futures_util::future::BoxFuture;
use tempfile::TempDir;

use super::*;
use crate::state::conformance::{self, StateBehavior, StateFixture};

struct Folder {
    folder: TempDir,
    state: FileState,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = FileState::new(folder.path().join("hub").join("bot"));
        Self { folder, state }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("hub").join("bot")
    }
}

impl StateFixture for Folder {
    fn state(&self) -> &dyn SharedState {
        &self.state
    }

    fn advance_clock(&self, time: Duration) -> BoxFuture<'_, ()> {
        let advance = move |values: &mut Values| {
            values.advance_clock(time);
            true
        };
        self.state.change(advance).unwrap();
        ready(()).boxed()
    }
}

fn run(behavior: StateBehavior) {
    conformance::block_on(behavior(&Folder::new()));
}

conformance::conformance!(@values run);

#[tokio::test]
async fn a_lease_ends_with_the_process_that_has_it() {
    let folder = Folder::new();
    let other = FileState::new(folder.file());
    let (me, you, day) = (Uuid::new_v4(), Uuid::new_v4(), Duration::from_secs(86_400));
    assert!(folder.state.lease("register", me, day).await.unwrap());
    assert!(folder.state.lease("register", me, day).await.unwrap());
    assert!(!folder.state.lease("register", you, day).await.unwrap());
    assert!(!other.lease("register", you, day).await.unwrap());
    assert!(other.lease("another", you, day).await.unwrap());
    folder.state.release("register", you).await.unwrap();
    assert!(!other.lease("register", you, day).await.unwrap());
    let Folder { folder, state } = folder;
    drop(state);
    assert!(other.lease("register", you, day).await.unwrap());
    other.release("register", you).await.unwrap();
    let third = FileState::new(folder.path().join("hub").join("bot"));
    assert!(third.lease("register", me, day).await.unwrap());
}

#[tokio::test]
async fn values_survive_the_process_and_are_shared_by_processes() {
    let folder = Folder::new();
    let other = FileState::new(folder.file());
    folder.state.set("id", "1", None).await.unwrap();
    other.set("name", "2", None).await.unwrap();
    drop(other);
    let third = FileState::new(folder.file());
    assert_eq!(third.get("id").await.unwrap().as_deref(), Some("1"));
    assert_eq!(folder.state.get("name").await.unwrap().as_deref(), Some("2"));
}

#[tokio::test]
async fn no_change_is_lost_when_many_are_made_at_the_same_time() {
    let folder = Folder::new();
    let states: Vec<_> = (0..4).map(|_| FileState::new(folder.file())).collect();
    let keys: Vec<String> = (0..40).map(|key| key.to_string()).collect();
    let set = keys.iter().zip(states.iter().cycle());
    let set = set.map(|(key, state)| state.set(key, "value", None));
    futures_util::future::try_join_all(set).await.unwrap();
    for key in &keys {
        assert_eq!(folder.state.get(key).await.unwrap().as_deref(), Some("value"), "{key}");
    }
}

#[tokio::test]
async fn reading_creates_nothing() {
    let folder = Folder::new();
    assert_eq!(folder.state.get("id").await.unwrap(), None);
    assert_eq!(fs::read_dir(folder.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_with_other_content_is_left_unchanged() {
    let folder = Folder::new();
    folder.state.set("id", "1", None).await.unwrap();
    for text in ["", "export PATH=/bin", "[1]", r#"{"values":[]}"#] {
        fs::write(folder.file(), text).unwrap();
        let error = folder.state.get("id").await.unwrap_err().to_string();
        assert!(error.contains("bot cannot be used: it contains something other"), "{error}");
        assert!(folder.state.set("id", "2", None).await.is_err());
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed() {
    for end in ["", ".lock", ".new", ".register"] {
        for hard in [true, false] {
            let folder = Folder::new();
            folder.state.set("id", "1", None).await.unwrap();
            let (other, name) = (folder.folder.path().join("other"), format!("bot{end}"));
            let file = folder.file().with_file_name(name);
            let _ = fs::remove_file(&file);
            fs::write(&other, r#"{"values":{}}"#).unwrap();
            if hard {
                fs::hard_link(&other, &file).unwrap();
            } else {
                std::os::unix::fs::symlink(&other, &file).unwrap();
            }
            let day = Duration::from_secs(86_400);
            let changed = match end {
                ".register" => folder.state.lease("register", Uuid::nil(), day).await.map(drop),
                _ => folder.state.set("id", "2", None).await,
            };
            assert!(changed.is_err(), "{end}");
            assert_eq!(fs::read_to_string(&other).unwrap(), r#"{"values":{}}"#);
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.state.set("id", "1", None).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.file().parent().unwrap()), mode(&folder.file())), (0o700, 0o600));
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).unwrap();
    folder.state.get("id").await.unwrap();
    assert_eq!(mode(&folder.file()), 0o600);
}

//! The project in which the commands of the guide are typed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tests::markdown::blocks;
use tests::repository::root;
use tests::share::{Terms, TestShareServer};
use tests::terminal::Terminal;

use super::page;

/// The project that a reader of the quick start has at its end, made once for all pages.
pub(super) struct Project {
    folder: &'static Path,
    manifest: Vec<u8>,
    share_server: TestShareServer,
}

impl Project {
    fn make(folder: &'static Path) -> Self {
        // That of another test.
        let _ = fs::remove_dir_all(folder.join("my-bot"));
        let share_server = TestShareServer::start(&Terms::default()).unwrap();
        // The public URLs of that share server lead to this machine, but not to the port of the web.
        let public = share_server.public;
        fs::write(folder.join(".curlrc"), format!("connect-to = \":80:{public}\"\n")).unwrap();
        let mut project = Self { folder, manifest: Vec::new(), share_server };
        let mut terminal = project.terminal(folder);
        let start = page("en", "quick-start");
        let making = blocks(&start).into_iter().find(|block| block.text.contains("cargo new"));
        terminal.type_in(&making.unwrap().text);
        drop(terminal);
        // The same versions, so that nothing is asked of a network.
        fs::copy(root().join("Cargo.lock"), project.path().join("Cargo.lock")).unwrap();
        project.manifest = fs::read(project.path().join("Cargo.toml")).unwrap();
        project
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join("my-bot")
    }

    /// Where its programs keep what they remember.
    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Brings it back to the end of the quick start.
    pub(super) fn reset(&self) {
        let path = self.path();
        fs::write(path.join("Cargo.toml"), &self.manifest).unwrap();
        fs::copy(root().join("examples/quickstart/src/main.rs"), path.join("src/main.rs")).unwrap();
        for end in ["", "-shm", "-wal"] {
            let _ = fs::remove_file(path.join(format!("webhooks.db{end}")));
        }
        // What the programs of other pages remember: their public URL, for example.
        let _ = fs::remove_dir_all(self.state());
    }

    /// A terminal with what a person's has, and no way to the internet.
    pub(super) fn terminal(&self, folder: &Path) -> Terminal {
        let target = crate::target_of_my_bot();
        let (home, state) = (self.folder.to_str().unwrap(), self.state());
        let share_server = self.share_server.address.to_string();
        let variables = [
            ("CARGO_TARGET_DIR", target.to_str().unwrap()),
            ("XDG_STATE_HOME", state.to_str().unwrap()),
            ("CURL_HOME", home),
            // A person's terminal opens a link by default. These are pipes, and may be in a container.
            ("GRADIO_SHARE", "true"),
            ("GRADIO_SHARE_SERVER_ADDRESS", &share_server),
        ];
        let mut terminal = Terminal::new(folder, &variables);
        terminal.stand_in("/home/me", home);
        terminal
    }
}

/// One page at a time: they share the project, and the port that the guide names.
pub(super) fn project() -> (MutexGuard<'static, ()>, MutexGuard<'static, Project>) {
    static PROJECT: OnceLock<Mutex<Project>> = OnceLock::new();
    let (turn, folder) = crate::turn_of_my_bot();
    let project = PROJECT.get_or_init(|| Mutex::new(Project::make(folder)));
    (turn, project.lock().unwrap_or_else(PoisonError::into_inner))
}

//! A clock that jumps.

use std::path::{Path, PathBuf};

use super::Place;
use crate::program::Program;

/// A clock that a program goes by, and that can be set.
#[derive(Debug)]
pub struct FakeClock {
    library: PathBuf,
    setting: PathBuf,
}

impl FakeClock {
    /// A clock that is right, for the programs of this place. Needs Debian's `faketime`.
    #[must_use]
    pub fn new(place: &Place) -> Self {
        let libraries = Path::new("/usr/lib").read_dir().unwrap();
        let mut libraries = libraries.map(|folder| folder.unwrap().path());
        let library = libraries
            .find_map(|folder| {
                let library = folder.join("faketime/libfaketime.so.1");
                library.exists().then_some(library)
            })
            .unwrap();
        let clock = Self { library, setting: place.folder().join("clock") };
        clock.set("+0");
        clock
    }

    /// Sets it so far from the real one: `+1d`, `-1h`.
    pub fn set(&self, offset: &str) {
        std::fs::write(&self.setting, offset).unwrap();
    }

    /// What programs are started with that go by it.
    #[must_use]
    pub fn variables(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.setting.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            // As a jump does: what counts the time since the start goes on as before.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }

    /// Starts the program of the place with it.
    #[must_use]
    pub fn start(&self, place: &Place, more: &[(&str, &str)]) -> Program {
        place.start(&[&self.variables(), more].concat())
    }
}

//! The files that the page asks for.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// A file of the page.
#[derive(Debug)]
pub(crate) struct File {
    /// Its name in the folder.
    pub(crate) name: &'static str,
    /// Its content type.
    pub(crate) kind: &'static str,
    pub(crate) text: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// All of them.
pub(crate) const FILES: [File; 5] = [
    File { name: "page.css", kind: CSS, text: include_str!("assets/page.css") },
    File { name: "page.js", kind: JS, text: include_str!("assets/page.js") },
    File { name: "trigger.js", kind: JS, text: include_str!("assets/trigger.js") },
    File { name: "activity.js", kind: JS, text: include_str!("assets/activity.js") },
    File { name: "icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
];

/// The folder that they are served from. Its name changes with their texts, so that browsers may keep
/// them for good.
pub(crate) fn folder() -> &'static str {
    static FOLDER: LazyLock<String> = LazyLock::new(|| {
        let mut hasher = DefaultHasher::new();
        FILES.iter().for_each(|file| file.text.hash(&mut hasher));
        format!("/assets/{:016x}", hasher.finish())
    });
    &FOLDER
}

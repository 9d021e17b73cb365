//! The files that the page asks for.

use std::sync::LazyLock;

use super::file::File;

/// The files, and the folder that they are served from. Its name changes with what they hold, so that
/// browsers may keep them for good.
#[derive(Debug)]
pub(super) struct Files {
    folder: String,
    files: [(&'static str, File); 5],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let files = [
        ("page.css", File::new(CSS, include_str!("assets/page.css"))),
        ("page.js", File::new(JS, include_str!("assets/page.js"))),
        ("trigger.js", File::new(JS, include_str!("form/form.js"))),
        ("activity.js", File::new(JS, include_str!("activity/activity.js"))),
        ("icon.svg", File::new("image/svg+xml", include_str!("assets/icon.svg"))),
    ];
    let hashes: String = files.iter().map(|(_, file)| file.hash()).collect();
    let folder = format!("assets/{}", File::new("", hashes).hash());
    Files { folder, files }
});

/// All of them, each with its path.
pub(super) fn files() -> impl Iterator<Item = (String, &'static File)> {
    FILES.files.iter().map(|(name, file)| (format!("/{}/{name}", FILES.folder), file))
}

/// The folder's path, relative to the page's.
pub(super) fn folder() -> &'static str {
    &FILES.folder
}

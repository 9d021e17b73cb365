//! The style sheet, scripts and icon of the page.

use std::sync::LazyLock;

use super::file::StaticFile;

/// The files, and the folder that they are served from. Its name changes with their content, so that browsers may
/// cache them forever.
#[derive(Debug)]
pub(super) struct PageFiles {
    folder: String,
    files: [(&'static str, StaticFile); 11],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

static FILES: LazyLock<PageFiles> = LazyLock::new(|| {
    let files = [
        ("page.css", StaticFile::new(CSS, include_str!("assets/page.css"))),
        ("page.js", StaticFile::new(JS, include_str!("assets/page.js"))),
        ("tools.js", StaticFile::new(JS, include_str!("assets/tools.js"))),
        ("trigger.js", StaticFile::new(JS, include_str!("form/form.js"))),
        ("activity.js", StaticFile::new(JS, include_str!("activity/activity.js"))),
        ("delivery.js", StaticFile::new(JS, include_str!("activity/delivery.js"))),
        ("background.css", StaticFile::new(CSS, include_str!("background/background.css"))),
        ("background.js", StaticFile::new(JS, include_str!("background/background.js"))),
        ("log.js", StaticFile::new(JS, include_str!("background/log.js"))),
        ("parts.js", StaticFile::new(JS, include_str!("background/parts.js"))),
        ("icon.svg", StaticFile::new("image/svg+xml", include_str!("assets/icon.svg"))),
    ];
    let hashes: String = files.iter().map(|(_, file)| file.hash()).collect();
    let folder = format!("assets/{}", StaticFile::new("", hashes).hash());
    PageFiles { folder, files }
});

/// Returns the files, each with its path.
pub(super) fn files() -> impl Iterator<Item = (String, &'static StaticFile)> {
    FILES.files.iter().map(|(name, file)| (format!("/{}/{name}", FILES.folder), file))
}

/// Returns the path of the folder, relative to the page.
pub(super) fn folder() -> &'static str {
    &FILES.folder
}

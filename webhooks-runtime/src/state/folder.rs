//! Finds the folder of the files that a program keeps between its starts, and names them.

use std::env;
use std::path::PathBuf;

/// Returns the folder of all files: `$XDG_STATE_HOME/webhooks-runtime`, by default in `~/.local/state`; on Windows in
/// `%LOCALAPPDATA%`. `None` if the user has none.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let of_home = if cfg!(windows) { "AppData/Local" } else { ".local/state" };
    // The specification of the variable has relative paths ignored.
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(env::home_dir()?.join(of_home)))?;
    Some(state.join("webhooks-runtime"))
}

/// Returns the working directory, which is the project of a program that does not say which one it is.
pub(crate) fn working_directory() -> String {
    env::current_dir().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns what tells a program that does not name its project from others that are started in the same directory: the
/// working directory, and the name of its file.
pub(crate) fn unnamed_project() -> String {
    let directory = env::current_dir().unwrap_or_default();
    let program = env::current_exe().unwrap_or_default();
    let program = program.file_name().unwrap_or_default();
    directory.join(program).to_string_lossy().into_owned()
}

/// Returns the name of a project's file: the last part of the project's path for people, and what makes it unique.
pub(crate) fn file_name(project: &str, unique: &str) -> String {
    let end = project.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_".contains(*letter);
    let readable: String = end.chars().filter(plain).take(40).collect();
    format!("{readable}-{unique}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_in_one_directory_are_told_apart_by_their_files() {
        let program = env::current_exe().unwrap();
        let name = program.file_name().unwrap().to_str().unwrap();
        let project = unnamed_project();
        assert!(project.starts_with(&working_directory()) && project.ends_with(name), "{project}");
    }
}

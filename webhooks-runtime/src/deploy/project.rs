//! Finds the project that the program is built from: its folder, and the packages that the folder must contain.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::error::ProjectError;

/// The project of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CargoProject {
    /// The folder to upload: that of the workspace.
    pub(crate) root: PathBuf,
    /// The name of the program's package.
    pub(crate) package: String,
    /// The package's folder below `root`, with `/`; empty if it is `root`.
    pub(crate) folder: String,
    /// The name of the program, if the package has several.
    pub(crate) binary: Option<String>,
    /// Whether the package is compiled from more than its folder `src` and packages in folders of their own.
    pub(crate) is_complex: bool,
    /// The folders directly below `root` that have packages of other workspaces.
    pub(crate) vendored: BTreeSet<String>,
    /// Where cargo compiles.
    pub(crate) target: PathBuf,
}

/// What `cargo metadata --no-deps` prints, as far as it matters here.
#[derive(Deserialize)]
struct CargoMetadata {
    packages: Vec<CargoPackage>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Clone, Deserialize)]
struct CargoPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<CargoDependency>,
    targets: Vec<CargoTarget>,
}

#[derive(Clone, Deserialize)]
struct CargoDependency {
    /// Only of a dependency in a folder.
    path: Option<PathBuf>,
}

#[derive(Clone, Deserialize)]
struct CargoTarget {
    name: String,
    kind: Vec<String>,
}

impl CargoPackage {
    fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    fn has_kind(&self, kind: &str) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|it| it == kind))
    }

    fn binaries(&self) -> impl Iterator<Item = &str> {
        let binaries = self.targets.iter().filter(|it| it.kind.iter().any(|kind| kind == "bin"));
        binaries.map(|target| target.name.as_str())
    }
}

impl CargoProject {
    /// Finds the project of the program with this name: in the folder that `cargo run` names, or else in this one.
    ///
    /// # Errors
    ///
    /// When the folder is that of another program, or needs packages outside of it.
    pub(crate) fn find(program: &str) -> Result<Self, ProjectError> {
        let folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.or_else(|| env::current_dir().ok()).unwrap_or_default();
        Self::in_folder(&folder, program)
    }

    fn in_folder(folder: &Path, program: &str) -> Result<Self, ProjectError> {
        let metadata = metadata(folder)?;
        let is_here = |package: &&CargoPackage| package.folder() == folder;
        let of_program =
            metadata.packages.iter().filter(|it| it.binaries().any(|it| it == program));
        let of_program: Vec<_> = of_program.collect();
        let package = of_program.iter().copied().find(is_here).or_else(|| match of_program[..] {
            [package] => Some(package),
            _ => None,
        });
        let package = package.ok_or_else(|| ProjectError::OtherFolder {
            folder: folder.display().to_string(),
            program: program.to_owned(),
        })?;
        let root = &metadata.workspace_root;
        let vendored = vendored(&metadata)?;
        let folder = relative(root, package.folder()).unwrap_or_default();
        Ok(Self {
            root: root.clone(),
            package: package.name.clone(),
            binary: (package.binaries().count() > 1).then(|| program.to_owned()),
            is_complex: !folder.is_empty()
                || metadata.packages.len() > 1
                || package.has_kind("custom-build"),
            folder,
            vendored,
            target: metadata.target_directory,
        })
    }
}

/// Returns the folders below the workspace with packages of other workspaces.
///
/// Those packages have packages in folders themselves, which their own workspaces know.
fn vendored(metadata: &CargoMetadata) -> Result<BTreeSet<String>, ProjectError> {
    let root = &metadata.workspace_root;
    let members = metadata.packages.iter();
    let mut known: BTreeMap<PathBuf, CargoPackage> =
        members.map(|package| (package.folder().to_owned(), package.clone())).collect();
    let mut queue: Vec<_> = known.values().cloned().collect();
    let (mut folders, mut outside) = (BTreeSet::new(), BTreeSet::new());
    let mut seen: BTreeSet<_> = known.keys().cloned().collect();
    while let Some(package) = queue.pop() {
        for folder in package.dependencies.iter().filter_map(|it| it.path.as_ref()) {
            if !seen.insert(folder.clone()) {
                continue;
            }
            let Some(path) = relative(root, folder) else {
                outside.insert(folder.display().to_string());
                continue;
            };
            folders.extend(path.split('/').next().map(str::to_owned));
            if !known.contains_key(folder) {
                // After the quick start, `webhooks` has only some packages of its workspace. Cargo builds with those, but
                // does not load such a workspace. Then what they need in folders is not checked.
                let others = self::metadata(folder).map(|it| it.packages).unwrap_or_default();
                let others = others.into_iter();
                known.extend(others.map(|package| (package.folder().to_owned(), package)));
            }
            queue.extend(known.get(folder).cloned());
        }
    }
    if outside.is_empty() {
        return Ok(folders);
    }
    let root = root.display().to_string();
    Err(ProjectError::OutsidePackages { root, packages: outside.into_iter().collect() })
}

/// Returns a folder's path below another one, with `/`.
pub(super) fn relative(root: &Path, folder: &Path) -> Option<String> {
    let below = folder.strip_prefix(root).ok()?;
    let parts = below.components().map(|part| part.as_os_str().to_str());
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

fn metadata(folder: &Path) -> Result<CargoMetadata, ProjectError> {
    let failed = |reason: &str| ProjectError::Command {
        command: "cargo metadata".to_owned(),
        reason: format!("{} in {}", reason.trim(), folder.display()),
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = command.current_dir(folder).output().map_err(|it| failed(&it.to_string()))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Writes a package with a program of its name, and these lines at the end of its manifest.
    fn package(folder: &Path, name: &str, more: &str) {
        fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n{more}"
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
        fs::write(folder.join("src/lib.rs"), "").unwrap();
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    #[test]
    fn a_package_of_its_own_is_the_project() {
        let (_folder, root) = folder();
        package(&root, "my-bot", "[dependencies]\nlibrary = { path = \"webhooks/library\" }\n");
        package(&root.join("webhooks/library"), "library", "[workspace]\n");
        let project = CargoProject::in_folder(&root, "my-bot").unwrap();
        assert_eq!(
            project,
            CargoProject {
                target: root.join("target"),
                root,
                package: "my-bot".to_owned(),
                folder: String::new(),
                binary: None,
                is_complex: false,
                vendored: BTreeSet::from(["webhooks".to_owned()]),
            }
        );
    }

    #[test]
    fn a_folder_with_some_packages_of_another_workspace_is_part_of_the_project() {
        let (_folder, root) = folder();
        package(&root, "my-bot", "[dependencies]\nlibrary = { path = \"webhooks/library\" }\n");
        let dependency = "[dev-dependencies]\ntests = { path = \"../tests\" }\n";
        package(&root.join("webhooks/library"), "library", dependency);
        fs::write(
            root.join("webhooks/Cargo.toml"),
            "[workspace]\nmembers = [\"library\", \"tests\"]\n",
        )
        .unwrap();
        let project = CargoProject::in_folder(&root, "my-bot").unwrap();
        assert_eq!(project.vendored, BTreeSet::from(["webhooks".to_owned()]));
    }

    #[test]
    fn a_member_of_a_workspace_is_deployed_with_its_workspace() {
        let (_folder, root) = folder();
        fs::write(root.join("Cargo.toml"), "[workspace]\nmembers = [\"bots/*\", \"common\"]\n")
            .unwrap();
        let dependency = "[dependencies]\ncommon = { path = \"../../common\" }\n";
        package(&root.join("bots/mine"), "mine", dependency);
        package(&root.join("common"), "common", "");
        for folder in [root.clone(), root.join("bots/mine")] {
            let project = CargoProject::in_folder(&folder, "mine").unwrap();
            assert_eq!((&project.root, project.folder.as_str()), (&root, "bots/mine"));
            assert!(project.is_complex);
            assert_eq!(project.vendored, BTreeSet::new());
        }
    }

    #[test]
    fn packages_outside_are_refused_with_the_way_out_also_those_that_another_package_needs() {
        let (_folder, root) = folder();
        let (bot, inner) = (root.join("bot"), root.join("bot/inner"));
        package(&bot, "bot", "[dependencies]\ninner = { path = \"inner\" }\n");
        package(
            &inner,
            "inner",
            "[dependencies]\nouter = { path = \"../../outer\" }\n[workspace]\n",
        );
        package(&root.join("outer"), "outer", "");
        let error = CargoProject::in_folder(&bot, "bot").unwrap_err().to_string();
        assert!(error.contains(&root.join("outer").display().to_string()), "{error}");
        assert!(error.contains("cargo add --path"), "{error}");
    }

    #[test]
    fn the_folder_of_another_program_is_refused() {
        let (_folder, root) = folder();
        package(&root, "other", "");
        let error = CargoProject::in_folder(&root, "my-bot").unwrap_err();
        assert!(matches!(error, ProjectError::OtherFolder { .. }), "{error}");
        let error = CargoProject::in_folder(&env::temp_dir().join("nowhere"), "x").unwrap_err();
        assert!(matches!(error, ProjectError::Command { .. }), "{error}");
    }

    #[test]
    fn several_programs_and_a_build_script_are_noticed() {
        let (_folder, root) = folder();
        package(&root, "my-bot", "");
        fs::create_dir_all(root.join("src/bin")).unwrap();
        fs::write(root.join("src/bin/other.rs"), "fn main() {}\n").unwrap();
        fs::write(root.join("build.rs"), "fn main() {}\n").unwrap();
        let project = CargoProject::in_folder(&root, "other").unwrap();
        assert_eq!((project.binary.as_deref(), project.is_complex), (Some("other"), true));
    }
}

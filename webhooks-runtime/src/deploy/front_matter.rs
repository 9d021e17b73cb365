//! Adds the settings of a Docker Space to the top of `README.md`, where the Hub reads them.

use super::error::ProjectError;

/// The line before and after the settings.
const FENCE: &str = "---";

/// Returns the `README.md` of the Space, from that of the project. `None` if it needs no change.
pub(super) fn readme(project: Option<&[u8]>, name: &str) -> Result<Option<Vec<u8>>, ProjectError> {
    let text = project.map(String::from_utf8_lossy).unwrap_or_default();
    match settings(text.trim_start_matches('\u{feff}')).map(|mut lines| lines.any(is_docker)) {
        Some(true) => Ok(None),
        Some(false) => Err(ProjectError::OtherSdk),
        None => {
            let title = title(name);
            let rest = if project.is_some() { text.into_owned() } else { format!("# {title}\n") };
            Ok(Some(format!("{}\n{rest}", front_matter(&title)).into_bytes()))
        }
    }
}

/// Returns the lines of the settings, if there are any.
fn settings(text: &str) -> Option<impl Iterator<Item = &str>> {
    let mut lines = text.lines().map(str::trim_end);
    (lines.next() == Some(FENCE)).then(|| lines.take_while(|line| *line != FENCE))
}

fn is_docker(line: &str) -> bool {
    let value = line.strip_prefix("sdk:").map(|value| value.split('#').next().unwrap_or_default());
    value.is_some_and(|value| value.trim().trim_matches(['"', '\'']) == "docker")
}

/// The settings of the guide's page "Deploy to a Space".
fn front_matter(title: &str) -> String {
    format!(
        "{FENCE}\ntitle: {title}\nemoji: 🌱\ncolorFrom: green\ncolorTo: blue\nsdk: docker\napp_port: 7860\n\
         pinned: false\n{FENCE}\n"
    )
}

/// Returns the name of a package as a title: `My bot`.
fn title(name: &str) -> String {
    let words = name.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or(words.clone(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(project: Option<&str>) -> Option<String> {
        let made = readme(project.map(str::as_bytes), "my-bot").unwrap();
        made.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_project_without_settings_gets_those_of_the_guide() {
        let guide = include_str!("../../../docs/en/deploy-to-a-space.md");
        let (_, block) = guide.split_once("```yaml\n").unwrap();
        let (settings, _) = block.split_once("```").unwrap();
        assert_eq!(made(None).unwrap(), format!("{settings}\n# My bot\n"));
        assert_eq!(made(Some("# Bot\r\n")).unwrap(), format!("{settings}\n# Bot\r\n"));
        // A rule, not a fence.
        assert!(made(Some("# Bot\n---\nsdk: docker\n---\n")).unwrap().starts_with(settings));
    }

    #[test]
    fn settings_of_a_docker_space_stay_as_they_are() {
        for sdk in ["docker", "\"docker\"", " docker # builds the Dockerfile"] {
            assert_eq!(made(Some(&format!("---\r\ntitle: x\r\nsdk: {sdk}\r\n---\r\n"))), None);
        }
        assert_eq!(made(Some("\u{feff}---\nsdk: docker\n---\n")), None);
    }

    #[test]
    fn settings_without_docker_are_an_error() {
        for text in ["---\nsdk: gradio\n---\n", "---\ntitle: x\n---\nsdk: docker\n", "---\n"] {
            assert!(matches!(readme(Some(text.as_bytes()), "x"), Err(ProjectError::OtherSdk)));
        }
    }
}

//! Finds the token for the Hub, and keeps it out of every text.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::http::HeaderValue;

use super::error::HubError;
use crate::config::environment::Environment;

/// What a text shows in place of the token.
const HIDDEN: &str = "hf_***";

/// A token for the Hub. `Debug` hides it.
#[derive(Clone)]
pub(super) struct HubToken(Arc<str>);

impl HubToken {
    /// Checks a token. White space around it is removed, as from a file with a line end. `origin` names the place
    /// that it comes from.
    pub(super) fn new(text: &str, origin: &str) -> Result<Self, HubError> {
        let text = text.trim();
        // Quotes are those of a file of variables, which some programs do not remove.
        let is_valid = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'');
        if text.is_empty() || !text.bytes().all(is_valid) {
            let reason = "must be a token of the Hub, such as hf_…: without spaces, quotes or line ends inside";
            return Err(HubError::setting(origin, reason));
        }
        Ok(Self(text.into()))
    }

    /// Finds the token where the Hub's other tools find it: in `HF_TOKEN`, or else in the file that
    /// `hf auth login` writes.
    ///
    /// The rules of `huggingface_hub` 2.4.0, in its `constants.py` and `utils/_auth.py`.
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, HubError> {
        if let Some(token) = variable(environment, "HF_TOKEN")? {
            return Self::new(&token, "HF_TOKEN");
        }
        let Some(path) = token_file(environment)? else {
            return Err(HubError::MissingToken {
                file: PathBuf::from("~/.cache/huggingface/token"),
            });
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                let reason =
                    format!("cannot be read: {error}; set HF_TOKEN, or run `hf auth login`");
                return Err(HubError::setting(&path.display().to_string(), &reason));
            }
        };
        if text.trim().is_empty() {
            return Err(HubError::MissingToken { file: path });
        }
        Self::new(&text, &path.display().to_string())
    }

    /// Returns the token itself, for another client.
    pub(super) fn reveal(&self) -> String {
        self.0.to_string()
    }

    /// Returns the value of the header `Authorization`.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Removes the token from a text of a server, which may repeat the request.
    pub(super) fn hide_in(&self, text: &str) -> String {
        text.replace(&*self.0, HIDDEN)
    }
}

/// Returns the token of the environment, which a person has asked to copy to a Space.
///
/// # Errors
///
/// When there is none, or an invalid one.
pub(crate) fn login_token(environment: &Environment) -> Result<String, HubError> {
    HubToken::from_environment(environment).map(|token| token.reveal())
}

impl fmt::Debug for HubToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Returns the file of the token: `HF_TOKEN_PATH`, or else `token` in `HF_HOME`. `None` without a home folder.
fn token_file(environment: &Environment) -> Result<Option<PathBuf>, HubError> {
    let home = match variable(environment, "HOME") {
        Ok(Some(home)) => Some(PathBuf::from(home)),
        _ => std::env::home_dir().filter(|_| matches!(environment, Environment::Process)),
    };
    let expanded = |path: String| match (path.strip_prefix("~/"), &home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    };
    if let Some(path) = variable(environment, "HF_TOKEN_PATH")? {
        return Ok(Some(expanded(path)));
    }
    if let Some(folder) = variable(environment, "HF_HOME")? {
        return Ok(Some(expanded(folder).join("token")));
    }
    let cache = variable(environment, "XDG_CACHE_HOME")?.map(PathBuf::from);
    let cache = cache.or_else(|| home.map(|home| home.join(".cache")));
    Ok(cache.map(|cache| cache.join(Path::new("huggingface").join("token"))))
}

fn variable(environment: &Environment, name: &'static str) -> Result<Option<String>, HubError> {
    environment.filled(name).map_err(|_| HubError::setting(name, "is not valid Unicode"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "hf_abcdef";

    /// Returns the token that these variables lead to. `HOME` is an empty folder unless they set it.
    fn find(variables: &[(&str, &str)]) -> Result<String, HubError> {
        let home = tempfile::tempdir().unwrap();
        let mut all = vec![("HOME", home.path().to_str().unwrap())];
        all.extend(variables);
        HubToken::from_environment(&Environment::from_iter(all)).map(|token| token.0.to_string())
    }

    #[test]
    fn the_variable_overrides_the_files_and_nearer_files_override_farther_ones() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, token: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, token).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let path = write("own", "hf_path\n");
        let hf_home = write("hf/token", "hf_home\r\n").replace("/token", "");
        let cache = write("cache/huggingface/token", "hf_cache").replace("/huggingface/token", "");
        let home = write("home/.cache/huggingface/token", " hf_default ");
        let home = home.replace("/.cache/huggingface/token", "");
        write("home/mine/token", "hf_tilde");

        let mut variables = vec![("HOME", &*home), ("HF_HOME", "~/mine")];
        assert_eq!(find(&variables).unwrap(), "hf_tilde");
        variables.pop();
        for (variable, expected) in [
            (("HF_TOKEN", ""), "hf_default"),
            (("XDG_CACHE_HOME", &*cache), "hf_cache"),
            (("HF_HOME", &hf_home), "hf_home"),
            (("HF_TOKEN_PATH", &path), "hf_path"),
            (("HF_TOKEN", " hf_variable\n"), "hf_variable"),
        ] {
            variables.push(variable);
            assert_eq!(find(&variables).unwrap(), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_missing_token_is_an_error_that_says_where_it_was_sought() {
        for variables in [&[][..], &[("HF_TOKEN_PATH", "/nowhere/token")], &[("HF_TOKEN", "")]] {
            let error = find(variables).unwrap_err();
            assert!(error.is_missing_token(), "{error}");
            assert!(error.to_string().contains("token: set HF_TOKEN, or run `hf auth login`"));
        }
        let text = find(&[("HF_TOKEN_PATH", "/nowhere/token")]).unwrap_err().to_string();
        assert!(text.contains("/nowhere/token"), "{text}");
    }

    #[test]
    fn a_token_that_no_header_carries_is_an_error_that_does_not_show_it() {
        for token in
            ["hf_ab cd", "\"hf_abcd\"", "'hf_abcd'", "hf_ab\ncd", "hf_abcd\u{fa}", "hf_ab\u{0}cd"]
        {
            let error = find(&[("HF_TOKEN", token)]).unwrap_err();
            assert!(!error.is_missing_token());
            let text = format!("{error} {error:?}");
            assert!(text.starts_with("HF_TOKEN must be a token of the Hub"), "{text}");
            assert!(!text.contains("cd"), "{text}");
        }
    }

    #[test]
    fn no_text_shows_the_token() {
        let token = HubToken::new(TOKEN, "here").unwrap();
        assert!(!format!("{token:?}").contains("abcdef"));
        assert!(!format!("{:?}", token.authorization()).contains("abcdef"));
        assert_eq!(token.hide_in("Bearer hf_abcdef!"), "Bearer hf_***!");
    }
}

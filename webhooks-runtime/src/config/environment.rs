//! The environment variables that settings and secrets are read from.

use std::collections::HashMap;
use std::env::VarError;

use crate::config::error::SettingError;

/// The variables of the process, or a fixed set: of another machine, or for a test.
#[derive(Clone, Debug, Default)]
pub(crate) enum Environment {
    /// The variables of this process.
    #[default]
    Process,
    /// These and no others.
    Fixed(HashMap<String, String>),
}

/// A variable whose value isn't Unicode.
#[derive(Debug)]
pub(crate) struct NotUnicode;

impl Environment {
    /// Returns the variable's value, `None` if it isn't set.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, NotUnicode> {
        match self {
            Self::Fixed(variables) => Ok(variables.get(name).cloned()),
            Self::Process => match std::env::var(name) {
                Ok(value) => Ok(Some(value)),
                Err(VarError::NotPresent) => Ok(None),
                Err(VarError::NotUnicode(_)) => Err(NotUnicode),
            },
        }
    }

    /// Returns whether the variable turns something on or off, `None` if it isn't set or empty.
    pub(crate) fn switch(
        &self,
        name: &'static str,
        errors: &mut Vec<SettingError>,
    ) -> Option<bool> {
        let value = self.filled(name).unwrap_or_else(|NotUnicode| {
            errors.push(SettingError { name, wants: "text in UTF-8" });
            None
        });
        match value?.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => {
                errors.push(SettingError { name, wants: "true or false" });
                None
            }
        }
    }

    /// Returns the variable's value, `None` if it isn't set or empty.
    pub(crate) fn filled(&self, name: &str) -> Result<Option<String>, NotUnicode> {
        Ok(self.get(name)?.filter(|value| !value.is_empty()))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(variables: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self::Fixed(variables.into_iter().map(owned).collect())
    }
}

//! The format of the log lines.

use std::str::FromStr;

use super::environment::Environment;
use super::error::SettingError;

/// How an event is written to the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object in each line, for programs.
    Json,
}

/// The variable that sets it.
const VARIABLE: &str = "WEBHOOKS_LOG_FORMAT";

impl LogFormat {
    /// Reads the variable; `None` if it is not set. An invalid value goes to `errors`.
    pub(crate) fn environment(
        environment: &Environment,
        errors: &mut Vec<SettingError>,
    ) -> Option<Self> {
        let text = environment.filled(VARIABLE).unwrap_or_else(|_| Some(String::new()));
        let format = text.map(|text| text.trim().parse()).transpose();
        format.map_err(|error| errors.push(error)).ok().flatten()
    }
}

impl FromStr for LogFormat {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(SettingError { name: VARIABLE, wants: "text or json" }),
        }
    }
}

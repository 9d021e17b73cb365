//! Finds the endpoint that a command line names.

use std::ffi::OsStr;

use clap::Command;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;

use crate::endpoint::normalize;
use crate::endpoint::registry::Route;

/// Returns the endpoint that is named, or the only one.
pub(super) fn choose<'a>(
    endpoints: &'a [Route],
    name: Option<&str>,
    command: &mut Command,
) -> Result<&'a Route, clap::Error> {
    let names = names(endpoints);
    let matching =
        name.map_or_else(|| endpoints.iter().collect(), |name| matching(endpoints, name));
    if let [endpoint] = matching[..] {
        return Ok(endpoint);
    }
    if let Some(name) = name.filter(|_| matching.is_empty()) {
        let argument = command.get_arguments().find(|argument| argument.get_id() == "endpoint");
        let possible = PossibleValuesParser::new(names.clone());
        // Always an error: clap suggests the most similar name.
        possible.parse_ref(command, argument, OsStr::new(name))?;
    }
    let text = format!("Which endpoint? Name one of these: {}", names.join(", "));
    Err(command.error(ErrorKind::MissingRequiredArgument, text))
}

/// Returns the endpoints of that name, or else the one at that path.
fn matching<'a>(endpoints: &'a [Route], name: &str) -> Vec<&'a Route> {
    let named: Vec<_> = endpoints.iter().filter(|endpoint| endpoint.name == name).collect();
    if !named.is_empty() {
        return named;
    }
    let path = normalize(name).ok();
    endpoints.iter().filter(|endpoint| Some(&endpoint.path) == path.as_ref()).collect()
}

/// Returns an unambiguous name of each endpoint: its function's, or its path when functions share a name.
fn names(endpoints: &[Route]) -> Vec<String> {
    let name = |endpoint: &Route| {
        let is_unique = endpoints.iter().filter(|other| other.name == endpoint.name).count() == 1;
        if is_unique { endpoint.name.clone() } else { endpoint.path.clone() }
    };
    endpoints.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::registry::HubUse;
    use crate::endpoint::{BodyKind, Location, Work, caller};

    fn endpoint(name: &str, path: &str) -> Route {
        Route {
            path: path.to_owned(),
            name: name.to_owned(),
            description: "",
            secret_env: None,
            location: Location::__new("bot", "src/main.rs", 1),
            annotated: true,
            filter: None,
            body: BodyKind::Unread,
            required_data: Vec::new(),
            hub: HubUse::default(),
            work: Work::Inline(caller(async || ())),
        }
    }

    #[test]
    fn an_endpoint_is_found_by_its_name_or_its_path() {
        let endpoints = [
            endpoint("hello", "/webhooks/goodbye"),
            endpoint("goodbye", "/webhooks/hello"),
            endpoint("twice", "/webhooks/once"),
            endpoint("twice", "/webhooks/again"),
        ];
        let paths = |name: &str| -> Vec<&str> {
            matching(&endpoints, name).iter().map(|endpoint| endpoint.path.as_str()).collect()
        };
        assert_eq!(paths("hello"), ["/webhooks/goodbye"]);
        assert_eq!(paths("/hello"), ["/webhooks/hello"]);
        for path in ["/webhooks/once", "/once", "once", "once/"] {
            assert_eq!(paths(path), ["/webhooks/once"], "{path}");
        }
        assert_eq!(paths("twice").len(), 2);
        assert_eq!(paths("nothing"), <[&str; 0]>::default());
        assert_eq!(paths("//"), <[&str; 0]>::default());
        assert_eq!(names(&endpoints), ["hello", "goodbye", "/webhooks/once", "/webhooks/again"]);
    }
}

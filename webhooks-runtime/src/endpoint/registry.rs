//! Collects a program's endpoints, sorts them by path and finds those that share one.

use std::fmt;

use super::Endpoint;
use super::needs::Needs;
use super::takes::Takes;
use super::work::Work;

/// Where an endpoint is defined.
///
/// ```
/// use webhooks_runtime::webhook_endpoint;
///
/// #[webhook_endpoint]
/// async fn hello() {}
///
/// let location = hello::endpoint().location();
/// assert_eq!(location.to_string(), format!("{}:{}", location.file, location.line));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Location {
    /// The module, `my_bot::hooks`; empty for a function given to
    /// [`add_webhook`](crate::WebhooksServer::add_webhook).
    pub module_path: &'static str,
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// The line in it, counted from 1.
    pub line: u32,
}

impl Location {
    /// For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(module_path: &'static str, file: &'static str, line: u32) -> Self {
        Self { module_path, file, line }
    }

    /// The location without the folders of the machine that compiled it: the compiler is given an absolute path
    /// for a crate outside of the workspace.
    pub(crate) fn without_folders(&self) -> String {
        let parts: Vec<_> = self.file.split(['/', '\\']).collect();
        if !std::path::Path::new(self.file).is_absolute() {
            return self.to_string();
        }
        let source = parts.iter().rposition(|part| *part == "src");
        let from = source.unwrap_or(parts.len().saturating_sub(1));
        format!("{}:{}", parts.get(from..).unwrap_or_default().join("/"), self.line)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An endpoint of a server, from the attribute or from `add_webhook`.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) description: &'static str,
    pub(crate) secret_env: Option<&'static str>,
    pub(crate) location: Location,
    /// Whether it comes from the attribute.
    pub(crate) annotated: bool,
    pub(crate) takes: Takes,
    /// The data that its function takes from the app; none is known without the attribute.
    pub(crate) needs: Needs,
    pub(crate) work: Work,
}

impl From<&Endpoint> for Route {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            path: endpoint.path().to_owned(),
            name: endpoint.name().to_owned(),
            description: endpoint.description(),
            secret_env: endpoint.secret_env(),
            location: endpoint.location(),
            annotated: true,
            takes: endpoint.takes(),
            needs: endpoint.needs(),
            work: endpoint.work(),
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path, self.location)
    }
}

/// An endpoint as people see it, in the terminal and on the page.
#[derive(Clone, Debug)]
pub(crate) struct EndpointInfo {
    pub(crate) path: String,
    pub(crate) description: &'static str,
    pub(crate) location: Location,
    /// Whether a request must bring a secret.
    pub(crate) protected: bool,
    /// The variable that holds its own secret.
    pub(crate) secret_env: Option<&'static str>,
    pub(crate) takes: Takes,
    /// Whether a request is answered before the function runs.
    pub(crate) background: bool,
}

impl EndpointInfo {
    pub(crate) fn new(endpoint: &Route, protected: bool) -> Self {
        Self {
            path: endpoint.path.clone(),
            description: endpoint.description,
            location: endpoint.location,
            protected,
            secret_env: endpoint.secret_env,
            takes: endpoint.takes.clone(),
            background: endpoint.work.is_background(),
        }
    }
}

/// Two functions at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    pub(crate) path: String,
    pub(crate) first: Location,
    pub(crate) second: Location,
}

/// Every endpoint that is linked into the program.
pub(crate) fn linked() -> impl Iterator<Item = Route> {
    inventory::iter::<Endpoint>.into_iter().map(Route::from)
}

/// Sorts endpoints by path and finds those that share one. The same function named twice, by `new()`
/// and by `endpoint(…)`, is one endpoint.
pub(crate) fn sort(endpoints: impl IntoIterator<Item = Route>) -> (Vec<Route>, Vec<Duplicate>) {
    let mut endpoints: Vec<_> = endpoints.into_iter().collect();
    endpoints
        .sort_by_key(|endpoint| (endpoint.path.clone(), endpoint.location, endpoint.name.clone()));
    endpoints.dedup_by(|one, other| one.annotated && other.annotated && is_same(one, other));
    let duplicates = endpoints
        .windows(2)
        .filter(|pair| pair[0].path == pair[1].path)
        .map(|pair| Duplicate {
            path: pair[0].path.clone(),
            first: pair[0].location,
            second: pair[1].location,
        })
        .collect();
    (endpoints, duplicates)
}

/// Two annotated functions in one place with one name are one function.
fn is_same(one: &Route, other: &Route) -> bool {
    one.location == other.location && one.name == other.name && one.path == other.path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::caller;

    fn endpoint(path: &str, line: u32) -> Route {
        Route {
            path: path.to_owned(),
            name: String::new(),
            description: "",
            secret_env: None,
            location: Location::__new("bot", "src/main.rs", line),
            annotated: true,
            takes: Takes::Nothing,
            needs: Vec::new(),
            work: Work::Inline(caller(async || ())),
        }
    }

    fn paths(endpoints: &[Route]) -> Vec<&str> {
        endpoints.iter().map(|endpoint| endpoint.path.as_str()).collect()
    }

    #[test]
    fn endpoints_are_sorted_by_path() {
        let (sorted, duplicates) = sort([endpoint("/b", 1), endpoint("/c", 2), endpoint("/a", 3)]);
        assert_eq!(paths(&sorted), ["/a", "/b", "/c"]);
        assert_eq!(duplicates, []);
    }

    #[test]
    fn two_functions_on_one_path_are_found_with_both_places() {
        let (_, duplicates) = sort([endpoint("/b", 9), endpoint("/a", 2), endpoint("/b", 3)]);
        let [duplicate] = &duplicates[..] else { panic!("{duplicates:?}") };
        assert_eq!(duplicate.path, "/b");
        assert_eq!((duplicate.first.line, duplicate.second.line), (3, 9));
    }

    #[test]
    fn one_function_named_twice_is_one_endpoint() {
        let (sorted, duplicates) = sort([endpoint("/a", 3), endpoint("/a", 3)]);
        assert_eq!((sorted.len(), duplicates.len()), (1, 0));
    }

    #[test]
    fn two_functions_added_in_one_place_are_two() {
        let added = || Route { annotated: false, ..endpoint("/a", 3) };
        let (_, duplicates) = sort([added(), added()]);
        assert_eq!(duplicates.len(), 1);
    }

    #[test]
    fn a_location_can_be_shown_without_the_folders_of_a_machine() {
        let shown = |file| Location::__new("bots", file, 7).without_folders();
        assert_eq!(shown("examples/bots/src/lib.rs"), "examples/bots/src/lib.rs:7");
        assert_eq!(shown("/home/me/src/bots/src/hooks/lib.rs"), "src/hooks/lib.rs:7");
        assert_eq!(shown("/home/me/bots/lib.rs"), "lib.rs:7");
    }
}

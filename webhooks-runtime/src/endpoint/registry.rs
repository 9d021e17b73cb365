//! Collects the endpoints of a program, sorts them by path, and finds paths with two endpoints.

use std::fmt;

use super::Endpoint;
use super::extract::body_kind::BodyKind;
use super::extract::data::RequiredData;
use super::filter::{Conditions, Filter};
use super::location::Location;
use super::run::Work;
use super::run::background::BackgroundWork;

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
    /// `None` if it gets every delivery.
    pub(crate) filter: Option<Filter>,
    pub(crate) body: BodyKind,
    /// The data that its function requires of the app; unknown, so empty, without the attribute.
    pub(crate) required_data: Vec<RequiredData>,
    pub(crate) hub: HubUse,
    pub(crate) work: Work,
}

/// What the function of an endpoint has to do with the Hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HubUse {
    /// Whether an argument is a `Hub`.
    pub(crate) takes_hub: bool,
    /// Whether it gets the events that the program caused itself; `None` if the attribute does not say.
    pub(crate) own: Option<bool>,
}

impl HubUse {
    /// Returns whether the events that the program caused itself are skipped.
    pub(crate) fn skips_own(self) -> bool {
        self.takes_hub && self.own != Some(true)
    }
}

impl Route {
    /// Returns whether only the deliveries match that change certain files.
    pub(crate) fn has_paths(&self) -> bool {
        self.filter.as_ref().is_some_and(Filter::has_paths)
    }
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
            filter: Some(endpoint.filter()).filter(|filter| *filter != Filter::new()),
            body: endpoint.body(),
            required_data: endpoint.required_data(),
            hub: endpoint.hub_use(),
            work: endpoint.work(),
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path, self.location)
    }
}

/// An endpoint as the terminal and the page show it.
#[derive(Clone, Debug)]
pub(crate) struct EndpointInfo {
    pub(crate) path: String,
    pub(crate) description: &'static str,
    pub(crate) location: Location,
    /// Whether a request must have a secret.
    pub(crate) protected: bool,
    /// The environment variable of its own secret.
    pub(crate) secret_env: Option<&'static str>,
    pub(crate) body: BodyKind,
    /// `None` if it gets every delivery.
    pub(crate) filter: Option<Conditions>,
    /// Whether the response is sent before the function runs.
    pub(crate) background: bool,
    /// How deliveries of one key are run, in words; `None` if they have no keys.
    pub(crate) key: Option<String>,
    /// Whether the events that the program caused itself are skipped.
    pub(crate) skips_own: bool,
}

impl EndpointInfo {
    pub(crate) fn new(endpoint: &Route, protected: bool, filter: Option<Conditions>) -> Self {
        Self {
            path: endpoint.path.clone(),
            description: endpoint.description,
            location: endpoint.location,
            protected,
            secret_env: endpoint.secret_env,
            // A filter reads the Hub's payload, whatever the function takes.
            body: if filter.is_some() { BodyKind::Payload } else { endpoint.body.clone() },
            filter,
            background: endpoint.work.is_background(),
            key: endpoint.work.background().and_then(BackgroundWork::key_words),
            skips_own: endpoint.hub.skips_own(),
        }
    }
}

/// Two functions with one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    pub(crate) path: String,
    pub(crate) first: Location,
    pub(crate) second: Location,
}

/// Returns every endpoint that is linked into the program.
pub(crate) fn linked() -> impl Iterator<Item = Route> {
    inventory::iter::<Endpoint>.into_iter().map(Route::from)
}

/// Sorts endpoints by path, and finds paths with two endpoints. A function that is added twice, by `new()` and by
/// `endpoint(…)`, is one endpoint.
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

/// Returns whether two annotated functions are one: they have the same name and location.
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
            filter: None,
            body: BodyKind::Unread,
            required_data: Vec::new(),
            hub: HubUse::default(),
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
    fn two_functions_on_one_path_are_found_with_both_locations() {
        let (_, duplicates) = sort([endpoint("/b", 9), endpoint("/a", 2), endpoint("/b", 3)]);
        let [duplicate] = &duplicates[..] else { panic!("{duplicates:?}") };
        assert_eq!(duplicate.path, "/b");
        assert_eq!((duplicate.first.line, duplicate.second.line), (3, 9));
    }

    #[test]
    fn one_function_added_twice_is_one_endpoint() {
        let (sorted, duplicates) = sort([endpoint("/a", 3), endpoint("/a", 3)]);
        assert_eq!((sorted.len(), duplicates.len()), (1, 0));
    }

    #[test]
    fn two_functions_added_in_one_place_are_two() {
        let added = || Route { annotated: false, ..endpoint("/a", 3) };
        let (_, duplicates) = sort([added(), added()]);
        assert_eq!(duplicates.len(), 1);
    }
}

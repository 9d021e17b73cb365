//! Adds to each endpoint what guards its function: its secrets, and the conditions of its filter.

use super::error::SetupError;
use crate::config::environment::Environment;
use crate::config::secret::{self, SecretError, Secrets};
use crate::endpoint::filter::Conditions;
use crate::endpoint::registry::Route;
use crate::http::guarded::GuardedRoute;

/// The variable with the secret of every endpoint that has no `secret_env`.
const WEBHOOK_SECRET: &str = "WEBHOOK_SECRET";

/// Adds its secrets to each endpoint, those of its `secret_env` or the common ones, and the conditions of its filter.
pub(super) fn guard(
    endpoints: &[Route],
    in_code: Option<Vec<String>>,
    environment: &Environment,
    warnings: &mut Vec<String>,
    errors: &mut Vec<SetupError>,
) -> Vec<GuardedRoute> {
    let mut variables: Vec<_> = endpoints.iter().filter_map(|it| it.secret_env).collect();
    let common = match in_code {
        Some(secrets) => {
            warnings.extend(secret::ignored(environment, WEBHOOK_SECRET, &secrets));
            Secrets::new(secrets, "The webhook secret given in code").map(Some)
        }
        None => {
            variables.push(WEBHOOK_SECRET);
            Secrets::from_environment(environment, WEBHOOK_SECRET)
        }
    };
    variables.sort_unstable();
    variables.dedup();
    warnings.extend(variables.iter().flat_map(|variable| secret::quoted(environment, variable)));
    let common = common.unwrap_or_else(|error| {
        errors.push(error.into());
        None
    });
    let guard = |endpoint: &Route| {
        let filter = filter(endpoint, environment, errors);
        match own_secrets(endpoint, environment) {
            Ok(own) => {
                let secrets = own.or_else(|| common.clone());
                Some(GuardedRoute::new(endpoint.clone(), secrets, filter))
            }
            Err(error) => {
                errors.push(error.into());
                None
            }
        }
    };
    endpoints.iter().filter_map(guard).collect()
}

/// Adds the conditions of its filter to each endpoint, and no secrets.
pub(super) fn unguarded(
    endpoints: &[Route],
    environment: &Environment,
    errors: &mut Vec<SetupError>,
) -> Vec<GuardedRoute> {
    let guard = |endpoint: &Route| {
        GuardedRoute::new(endpoint.clone(), None, filter(endpoint, environment, errors))
    };
    endpoints.iter().map(guard).collect()
}

/// Returns the conditions of the endpoint's filter.
fn filter(
    endpoint: &Route,
    environment: &Environment,
    errors: &mut Vec<SetupError>,
) -> Option<Conditions> {
    let mut invalid = Vec::new();
    let filter = endpoint.filter.as_ref()?;
    let conditions = filter.resolve(environment, &mut invalid);
    if !endpoint.work.is_background() {
        invalid.extend(filter.error_inline());
    }
    errors.extend(invalid.into_iter().map(|reason| SetupError::Filter {
        path: endpoint.path.clone(),
        location: endpoint.location,
        reason,
    }));
    Some(conditions)
}

/// Returns the secrets of `#[webhook_endpoint(secret_env = "…")]`. An unset variable is an error, so that an endpoint
/// never loses its protection because a variable is missing.
fn own_secrets(
    endpoint: &Route,
    environment: &Environment,
) -> Result<Option<Secrets>, SecretError> {
    let Some(variable) = endpoint.secret_env else {
        return Ok(None);
    };
    match Secrets::from_environment(environment, variable)? {
        Some(secrets) => Ok(Some(secrets)),
        None => Err(SecretError::Missing {
            variable: variable.to_owned(),
            reason: format!(
                "The endpoint {} reads its secret from this variable ({}).",
                endpoint.path, endpoint.location
            ),
        }),
    }
}

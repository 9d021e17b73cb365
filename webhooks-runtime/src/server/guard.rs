//! Adds to each endpoint what guards its function: its secrets, and the conditions of its filter.

use super::error::SetupError;
use crate::config::environment::Environment;
use crate::config::secret::{self, SecretError, Secrets};
use crate::endpoint::filter::Conditions;
use crate::endpoint::registry::Route;
use crate::http::guarded::GuardedRoute;
use crate::state::SecretFile;

/// The variable with the secret of every endpoint that has no `secret_env`.
const WEBHOOK_SECRET: &str = "WEBHOOK_SECRET";

/// Adds its secrets to each endpoint, and the conditions of its filter. The secrets are those of its `secret_env`, or
/// else the common ones in the code or in `WEBHOOK_SECRET`, or else the one in `file`.
pub(super) fn guard(
    endpoints: &[Route],
    in_code: Option<Vec<String>>,
    file: Option<&SecretFile>,
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
    let saved = match (&common, file) {
        (None, Some(file)) if errors.is_empty() => saved_secret(file, errors),
        _ => None,
    };
    let guard = |endpoint: &Route| {
        let filter = filter(endpoint, environment, errors);
        match own_secrets(endpoint, environment) {
            Ok(own) => {
                let is_watching = filter.as_ref().is_some_and(|it| !it.watched_repos().is_empty());
                let saved = saved.as_ref().filter(|_| is_watching);
                let secrets = own.or_else(|| common.as_ref().or(saved).cloned());
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

/// Returns the file with the secret that `webhooks sync` has made for a program of `webhooks_main!()`. A test, which
/// has other variables than the process, has none.
pub(super) fn secret_file(project: Option<&str>, environment: &Environment) -> Option<SecretFile> {
    let project = project.filter(|_| matches!(environment, Environment::Process))?;
    SecretFile::of_project(project)
}

/// Reads the secret that `webhooks sync` has made, if it has. Only the endpoints that it has registered get it: the
/// webhooks of others do not send it.
fn saved_secret(file: &SecretFile, errors: &mut Vec<SetupError>) -> Option<Secrets> {
    let name = format!("The secret in {}", file.path().display());
    let secret = match file.read() {
        Ok(secret) => secret?,
        Err(error) => {
            let (file, reason) = (file.path().display().to_string(), error.to_string());
            errors.push(SecretError::File { file, reason }.into());
            return None;
        }
    };
    match Secrets::new([secret], &name) {
        Ok(secrets) => {
            tracing::info!(
                file = %file.path().display(),
                "the secret that `webhooks sync` has made protects the endpoints with `watch`"
            );
            Some(secrets)
        }
        Err(error) => {
            errors.push(error.into());
            None
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Filter;
    use crate::server::WebhooksServer;

    /// Returns which endpoints accept a secret: the one at `/webhooks/watching`, and the one that watches nothing.
    fn accept(
        secret: &str,
        in_code: Option<&str>,
        file: &SecretFile,
        variables: &[(&'static str, &'static str)],
    ) -> Result<(bool, bool), Vec<String>> {
        let watching = Filter::new().watch("dataset:me/data");
        let server = WebhooksServer::empty()
            .add_filtered_webhook("/watching", watching, async || ())
            .add_webhook("/other", async || ());
        let in_code = in_code.map(|secret| vec![secret.to_owned()]);
        let environment = Environment::from_iter(variables.iter().copied());
        let (mut warnings, mut errors) = (Vec::new(), Vec::new());
        let guarded =
            guard(&server.endpoints, in_code, Some(file), &environment, &mut warnings, &mut errors);
        if !errors.is_empty() {
            return Err(errors.iter().map(ToString::to_string).collect());
        }
        let accepts = |index: usize| {
            guarded[index].secrets.as_ref().is_some_and(|it| it.accept(secret.as_bytes()))
        };
        Ok((accepts(0), accepts(1)))
    }

    #[test]
    fn the_secret_in_the_file_protects_watching_endpoints_if_nothing_else_sets_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = SecretFile::at(folder.path().join("bot"));
        assert_eq!(accept("saved", None, &file, &[]), Ok((false, false)));
        file.create("saved").unwrap();
        assert_eq!(accept("saved", None, &file, &[]), Ok((true, false)));
        let variable = [("WEBHOOK_SECRET", "variable")];
        assert_eq!(accept("saved", None, &file, &variable), Ok((false, false)));
        assert_eq!(accept("variable", None, &file, &variable), Ok((true, true)));
        assert_eq!(accept("saved", Some("code"), &file, &[]), Ok((false, false)));
        assert_eq!(accept("code", Some("code"), &file, &[]), Ok((true, true)));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_because_the_endpoints_would_lose_their_protection() {
        let folder = tempfile::tempdir().unwrap();
        let file = SecretFile::at(folder.path().join("bot"));
        std::fs::write(file.path(), "\n").unwrap();
        let errors = accept("", None, &file, &[]).unwrap_err();
        assert!(errors[0].contains("WEBHOOK_SECRET, or delete the file"), "{errors:?}");
        std::fs::write(file.path(), "hu\tsh").unwrap();
        let errors = accept("", None, &file, &[]).unwrap_err();
        assert!(
            errors[0].contains("X-Webhook-Secret") && !errors[0].contains("hu\t"),
            "{errors:?}"
        );
        // What else sets a secret makes the file unimportant.
        assert!(accept("code", Some("code"), &file, &[]).is_ok());
    }

    #[test]
    fn only_a_program_of_the_macro_has_such_a_file_and_only_outside_of_tests() {
        assert!(secret_file(Some("bot"), &Environment::from_iter([])).is_none());
        assert!(secret_file(None, &Environment::default()).is_none());
        let file = secret_file(Some("0123/bot"), &Environment::default()).unwrap();
        let name = file.path().file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("bot-"), "{name}");
    }
}

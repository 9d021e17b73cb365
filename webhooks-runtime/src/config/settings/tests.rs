//! Tests of the order of the sources, and of the errors.

use super::*;

fn given(host: &str, port: u16) -> PartialSettings {
    PartialSettings { host: Some(host.into()), port: Some(port), ..PartialSettings::default() }
}

fn resolve(
    flags: PartialSettings,
    code: PartialSettings,
    variables: &[(&'static str, &'static str)],
) -> Settings {
    let (settings, errors) = try_resolve(flags, code, &Limits::default(), variables);
    assert_eq!(errors, <[String; 0]>::default());
    settings
}

fn try_resolve(
    flags: PartialSettings,
    code: PartialSettings,
    limits: &Limits,
    variables: &[(&'static str, &'static str)],
) -> (Settings, Vec<String>) {
    let environment = Environment::from_iter(variables.iter().copied());
    let mut errors = Vec::new();
    let host = Host::with_terminal(&environment);
    let settings = Settings::resolve(flags, code, true, &host, limits, &environment, &mut errors);
    (settings, errors.iter().map(ToString::to_string).collect())
}

const GRADIO: [(&str, &str); 2] =
    [("GRADIO_SERVER_NAME", "10.0.0.3"), ("GRADIO_SERVER_PORT", "8003")];

#[test]
fn a_flag_wins_over_code_over_the_environment_over_the_default() {
    let none = PartialSettings::default;
    let settings = resolve(given("10.0.0.1", 8001), given("10.0.0.2", 8002), &GRADIO);
    assert_eq!((settings.host.as_str(), settings.ports), ("10.0.0.1", Ports::One(8001)));
    let settings = resolve(none(), given("10.0.0.2", 8002), &GRADIO);
    assert_eq!((settings.host.as_str(), settings.ports), ("10.0.0.2", Ports::One(8002)));
    let settings = resolve(none(), none(), &GRADIO);
    assert_eq!((settings.host.as_str(), settings.ports), ("10.0.0.3", Ports::One(8003)));
    let settings = resolve(none(), none(), &[]);
    assert_eq!(settings.host, "127.0.0.1");
    assert_eq!(settings.ports, Ports::FirstFreeOf(7860..=7959));
}

#[test]
fn on_a_space_the_port_that_it_forwards_is_the_default() {
    let space = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];
    let settings = resolve(PartialSettings::default(), PartialSettings::default(), &space);
    assert_eq!(settings.host, "0.0.0.0");
    assert_eq!(settings.ports, Ports::One(7860));
    assert!(settings.on_space);
}

#[test]
fn a_platform_assigns_the_port_and_everything_else_overrides_it() {
    let port = [("PORT", "8080")];
    let settings = |variables: &[(&'static str, &'static str)], terminal| {
        let environment = Environment::from_iter(variables.iter().copied());
        let mut host = Host::detect(&environment);
        host.terminal = terminal;
        let (flags, code, mut errors) =
            (PartialSettings::default(), PartialSettings::default(), Vec::new());
        let limits = Limits::default();
        let settings =
            Settings::resolve(flags, code, true, &host, &limits, &environment, &mut errors);
        (settings, errors)
    };
    let (platform, _) = settings(&port, false);
    assert_eq!((platform.host.as_str(), platform.ports), ("0.0.0.0", Ports::One(8080)));
    assert!(platform.for_platform);
    let (person, _) = settings(&port, true);
    assert_eq!((person.host.as_str(), person.ports), ("127.0.0.1", Ports::One(8080)));
    assert!(!person.for_platform);
    assert_eq!((platform.exposure, person.exposure), (Exposure::Local, Exposure::Local));

    let overridden = [&GRADIO[..], &port].concat();
    let (gradio, _) = settings(&overridden, false);
    assert_eq!((gradio.host.as_str(), gradio.ports), ("10.0.0.3", Ports::One(8003)));
    let named = [("PORT", "8080"), ("GRADIO_SERVER_NAME", "10.0.0.3")];
    let (named, _) = settings(&named, false);
    assert_eq!((named.host.as_str(), named.for_platform), ("10.0.0.3", false));

    let serial = [("PORT", "/dev/ttyUSB0")];
    let wrong: Vec<_> = settings(&serial, true).1.iter().map(ToString::to_string).collect();
    assert_eq!(wrong, ["PORT must be a port number, 0 to 65535."]);
    // An invalid PORT is ignored if another setting decides.
    let (_, errors) = settings(&[&GRADIO[..], &serial].concat(), true);
    assert!(errors.is_empty());
}

#[test]
fn webhooks_are_registered_only_if_a_setting_says_so() {
    let register = |flag, code, variable: &'static str| {
        let given = |register| PartialSettings { register, ..PartialSettings::default() };
        resolve(given(flag), given(code), &[("WEBHOOKS_REGISTER", variable)]).register
    };
    assert!(!register(None, None, ""));
    assert!(register(None, None, "1"));
    assert!(!register(None, Some(false), "1"));
    assert!(register(Some(true), Some(false), "0"));
    let variables = [("WEBHOOKS_REGISTER", "always")];
    let none = PartialSettings::default;
    let (settings, errors) = try_resolve(none(), none(), &Limits::default(), &variables);
    assert!(!settings.register);
    assert_eq!(errors, ["WEBHOOKS_REGISTER must be true or false."]);
}

#[test]
fn every_bad_value_is_an_error_that_names_the_setting() {
    let code = PartialSettings { workers: Some(513), ..PartialSettings::default() };
    for request_timeout in [Duration::ZERO, Duration::MAX] {
        let limits =
            Limits { request_timeout, shutdown_timeout: Duration::MAX, ..Limits::default() };
        let variables = [("GRADIO_SERVER_PORT", "http")];
        let (_, errors) =
            try_resolve(PartialSettings::default(), code.clone(), &limits, &variables);
        assert_eq!(
            errors,
            [
                "The shutdown timeout must be at most one day.",
                "The request timeout must be more than zero and at most one day.",
                "GRADIO_SERVER_PORT must be a port number, 0 to 65535.",
                "The number of workers must be 1 to 512."
            ]
        );
    }
}

#[test]
fn an_empty_variable_of_gradio_counts_as_not_set() {
    let empty = [("GRADIO_SERVER_NAME", ""), ("GRADIO_SERVER_PORT", "")];
    let settings = resolve(PartialSettings::default(), PartialSettings::default(), &empty);
    assert_eq!(settings.host, "127.0.0.1");
}

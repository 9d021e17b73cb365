use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, Vec<String>> {
    let mut errors = Vec::new();
    let environment = Environment::from_iter(variables.iter().copied());
    let settings = TraceSettings::read(&environment, &mut errors);
    if errors.is_empty() {
        return Ok(settings);
    }
    assert!(settings.is_none());
    Err(errors.iter().map(ToString::to_string).collect())
}

fn endpoint_of(variables: &[(&str, &str)]) -> Option<String> {
    read(variables).unwrap().map(|settings| settings.endpoint)
}

#[test]
fn traces_are_sent_only_if_a_variable_says_so() {
    const URL: (&str, &str) = (ENDPOINT, "http://collector:4318");
    let sent = Some("http://collector:4318/v1/traces".to_owned());
    for (variables, expected) in [
        (&[][..], None),
        (&[("OTEL_SERVICE_NAME", "bot"), (SAMPLER, "always_on")], None),
        (&[URL], sent.clone()),
        (&[URL, (EXPORTER, "otlp"), (DISABLED, "false")], sent.clone()),
        (&[URL, (EXPORTER, "none")], None),
        (&[URL, (DISABLED, "TRUE")], None),
        (&[(EXPORTER, "otlp")], Some("http://localhost:4318/v1/traces".to_owned())),
        // An empty variable counts as unset.
        (&[(ENDPOINT, ""), (EXPORTER, "")], None),
        (&[URL, (TRACES_ENDPOINT, ""), (DISABLED, "")], sent),
    ] {
        assert_eq!(endpoint_of(variables), expected, "{variables:?}");
    }
}

#[test]
fn the_endpoint_of_traces_is_used_as_it_is_and_the_general_one_with_its_path() {
    for (variable, url, expected) in [
        (ENDPOINT, "https://c/", "https://c/v1/traces"),
        (ENDPOINT, "https://c/base", "https://c/base/v1/traces"),
        (TRACES_ENDPOINT, "https://c", "https://c"),
        (TRACES_ENDPOINT, "https://c/in?key=1", "https://c/in?key=1"),
    ] {
        assert_eq!(endpoint_of(&[(variable, url)]).unwrap(), expected);
    }
    let both = [(ENDPOINT, "http://general"), (TRACES_ENDPOINT, "http://traces/in")];
    assert_eq!(endpoint_of(&both).unwrap(), "http://traces/in");
}

#[test]
fn no_user_password_or_query_is_shown() {
    for (variable, expected) in [
        (TRACES_ENDPOINT, "https://collector:4318/in"),
        (ENDPOINT, "https://collector:4318/in/v1/traces"),
    ] {
        let query = if variable == ENDPOINT { "" } else { "?key=token" };
        let url = format!("https://me:pass@collector:4318/in{query}");
        let settings = read(&[(variable, &url)]).unwrap().unwrap();
        assert_eq!(settings.shown, expected);
    }
}

#[test]
fn each_invalid_value_is_an_error_that_does_not_show_it() {
    const URL: (&str, &str) = (ENDPOINT, "http://collector");
    for (name, value) in [
        (DISABLED, "1"),
        (EXPORTER, "console"),
        (ENDPOINT, "collector:4318"),
        (ENDPOINT, "ftp://collector"),
        (ENDPOINT, "http://collector?key=1"),
        (TRACES_ENDPOINT, "http:///4711"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "token-4711"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a b=token-4711"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
        ("OTEL_RESOURCE_ATTRIBUTES", "production"),
        (SAMPLER, "sometimes"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "few"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nothing-here"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
    ] {
        let errors = read(&[URL, (name, value)]);
        let errors = if name == ENDPOINT { read(&[(name, value)]) } else { errors };
        let errors = errors.unwrap_err();
        assert!(errors.len() == 1 && errors[0].starts_with(name), "{name}={value}: {errors:?}");
        assert!(!errors[0].contains(&format!(" {value}")), "{errors:?}");
    }
    let ratio = [URL, (SAMPLER, "traceidratio"), (SAMPLER_ARGUMENT, "2")];
    assert_eq!(
        read(&ratio).unwrap_err(),
        ["OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1."]
    );
}

#[test]
fn valid_values_are_accepted() {
    let variables = [
        (TRACES_ENDPOINT, "http://collector/in"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token, x-other=1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=production,service.version=1"),
        (SAMPLER, "parentbased_traceidratio"),
        (SAMPLER_ARGUMENT, "0.25"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    assert_eq!(read(&variables).unwrap().unwrap().timeout, Duration::from_millis(2500));
}

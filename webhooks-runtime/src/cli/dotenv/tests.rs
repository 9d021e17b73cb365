use super::*;

fn parse(text: &str) -> DotenvFile {
    DotenvFile::parse(text).unwrap()
}

fn value(text: &str) -> String {
    let file = parse(text);
    let [(name, value)] = &file.variables[..] else { panic!("{file:?}") };
    assert_eq!(name, "A", "{text}");
    value.clone()
}

#[test]
fn a_value_is_read_as_other_tools_read_it() {
    for (text, expected) in [
        ("A=b", "b"),
        ("export A=b\r\n", "b"),
        ("\u{feff}A=b", "b"),
        ("# A=c\n\nA=b # not this", "b"),
        ("A=b ", "b"),
        ("A=", ""),
        ("A=\"b c\"", "b c"),
        ("A='b $C \\n'", "b $C \\n"),
        ("A=\"b\\nc\"", "b\nc"),
        ("A=\"b\nc\"\n", "b\nc"),
        ("A=b\nA=c", "b"),
    ] {
        assert_eq!(value(text), expected, "{text:?}");
    }
    assert_eq!(parse("").variables, []);
}

#[test]
fn a_variable_that_redirects_the_token_is_ignored() {
    let lines = IGNORED.map(|name| format!("{name}=x\n"));
    let others =
        ["HF_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS"].map(|name| (name.to_owned(), "y".to_owned()));
    let set = others.iter().map(|(name, value)| format!("{name}={value}\n"));
    let file = parse(&(lines.concat() + "https_proxy=x\n" + &set.collect::<String>()));
    assert_eq!(file.variables, others);
    assert_eq!(file.ignored.len(), IGNORED.len() + 1);
    let report = file.report();
    assert!(report.starts_with(
        "* Variables from .env: HF_TOKEN, OTEL_EXPORTER_OTLP_HEADERS\nWarning: ALL_PROXY in .env"
    ));
    assert_eq!(report.lines().count(), 2 + IGNORED.len(), "{report}");
}

#[test]
fn no_other_variable_gets_into_a_value() {
    for text in ["A=$PATH", "A=\"${PATH}\"", "A=hu$sh", "B=b\nA=b${B}"] {
        let error = DotenvFile::parse(text).unwrap_err().to_string();
        let expected = "A in .env contains $ outside of single quotes, which is not supported: ";
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    for text in ["A='${PATH}'", "A=\"\\${PATH}\"", "A=\\${PATH}"] {
        assert_eq!(value(text), "${PATH}", "{text}");
    }
}

#[test]
fn a_malformed_line_is_named_by_its_number_and_not_shown() {
    for (text, line) in [
        ("hush", 1),
        ("A=b\n\n# c\nA b=hush\n", 4),
        ("A=hush hush", 1),
        ("A=\"b\nc\"\nB=\"hush\nC=d\n", 3),
        ("A=\"b\nc\"\n1=hush\n", 3),
        ("A=b\nB=hu\0sh", 2),
    ] {
        let error = DotenvFile::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!(".env, line {line}, is not like")), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn a_line_sets_a_variable_to_just_its_value() {
    for expected in ["", "b", " b # c ", "\"b' \\n", "$HOME ${A}", "b\nc\n", "학습", "b\tc\r"] {
        assert_eq!(value(&line("A", expected)), expected);
    }
}

#[test]
fn only_a_regular_file_of_a_sane_size_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let read_at = |name: &str| read(&path(name));
    assert!(read_at("none").unwrap().is_none());
    assert!(read(folder.path()).unwrap().is_none());
    std::fs::write(path("file"), "A=b").unwrap();
    assert_eq!(read_at("file").unwrap().as_deref(), Some("A=b"));
    std::fs::write(path("large"), "#".repeat(64 * 1024 + 1)).unwrap();
    assert!(matches!(read_at("large"), Err(DotenvError::TooLarge)));
    std::fs::write(path("latin"), b"A=\xfa").unwrap();
    assert!(matches!(read_at("latin"), Err(DotenvError::NotUtf8)));
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_a_device_is_an_error() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("file"), "A=b").unwrap();
    symlink(path("file"), path("link")).unwrap();
    assert_eq!(read(&path("link")).unwrap().as_deref(), Some("A=b"));
    let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
    assert_eq!(error, ".env cannot be read: it is not a regular file");
}

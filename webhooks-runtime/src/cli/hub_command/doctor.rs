//! The `doctor` command: prints what is wrong, why, and what to do.

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::cli::{CodeSettings, print};
use crate::config::addresses::PublicUrl;
use crate::config::exposure::ExposureChoice;
use crate::config::settings::PartialSettings;
use crate::doctor::{CheckReport, Diagnosis, DoctorInput, Finding, examine, invocation};
use crate::server::WebhooksServer;
use crate::text::{escaped_json, in_one_line};

/// The width of the names of the checks: the longest is `public URL`.
const WIDTH: usize = 10;

const EXAMPLES: &str = "\
Examples:
  # Find out why no deliveries arrive
  my-bot doctor

  # Ask the server at its public URL, from your own machine
  my-bot doctor --public-url https://me-bot.hf.space

Checks:
  The settings; the token; the clock; the webhooks on the Hub; whether the public URL leads to the
  server, with the same secret and version; the store of background deliveries; the Space.
  `doctor` changes nothing, and runs none of your functions.

Output:
  ✓ nothing is wrong, ✗ a finding with its cause and its fix, - not checked.

Exit code:
  0  if nothing is wrong
  1  if there are findings
  2  for a wrong command line";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Doctor {
    /// Ask the server at this URL [default: as for the server; else the last one of a running server]
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<PublicUrl>,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// The output of `doctor --json`. Field names never change.
#[derive(Serialize)]
struct DoctorJson<'a> {
    /// The number of findings of all checks.
    findings: usize,
    checks: Vec<CheckJson<'a>>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    check: &'a str,
    /// `healthy`, `unchecked` or `faulty`.
    result: &'static str,
    /// What was seen, or why it is unchecked; `null` if it is faulty.
    note: Option<&'a str>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    what: &'a str,
    why: &'a str,
    fix: &'a str,
}

/// Runs the command of the program with this name. `flags` are those of the server, which may precede the command.
pub(super) fn run(
    doctor: &Doctor,
    program: &str,
    mut flags: PartialSettings,
    server: impl FnOnce() -> Result<WebhooksServer, Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(url) = &doctor.public_url {
        flags.exposure.choice = Some(ExposureChoice::Url(url.as_str().to_owned()));
    }
    let CodeSettings { server, error } = CodeSettings::evaluate(server);
    let error = error.map(|error| error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reports = runtime.block_on(async {
        let input = DoctorInput::of(invocation(program), server, error, flags).await?;
        let reports = examine(&input).await;
        input.close().await;
        Ok::<_, Box<dyn Error>>(reports)
    });
    // Does not wait for a DNS lookup, which may block its thread for long.
    runtime.shutdown_background();
    let reports = reports?;
    let count = count(&reports);
    let text = if doctor.json {
        escaped_json(&as_json(&reports, count)?).into_owned()
    } else {
        as_text(&reports, count)
    };
    print(text.as_bytes())?;
    Ok(if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn findings(report: &CheckReport) -> &[Finding] {
    match &report.diagnosis {
        Diagnosis::Faulty(findings) => findings,
        Diagnosis::Healthy(_) | Diagnosis::Unchecked(_) => &[],
    }
}

fn count(reports: &[CheckReport]) -> usize {
    reports.iter().map(|report| findings(report).len()).sum()
}

fn as_json(reports: &[CheckReport], count: usize) -> serde_json::Result<String> {
    let checks = reports.iter().map(CheckJson::from).collect();
    Ok(serde_json::to_string_pretty(&DoctorJson { findings: count, checks })? + "\n")
}

impl<'a> From<&'a CheckReport> for CheckJson<'a> {
    fn from(report: &'a CheckReport) -> Self {
        let (result, note) = match &report.diagnosis {
            Diagnosis::Healthy(words) => ("healthy", Some(words.as_str())),
            Diagnosis::Unchecked(reason) => ("unchecked", Some(*reason)),
            Diagnosis::Faulty(_) => ("faulty", None),
        };
        let findings = findings(report).iter().map(FindingJson::from).collect();
        Self { check: report.check, result, note, findings }
    }
}

impl<'a> From<&'a Finding> for FindingJson<'a> {
    fn from(Finding { what, why, fix }: &'a Finding) -> Self {
        Self { what, why, fix }
    }
}

/// Formats a line for each check, and three for each finding.
fn as_text(reports: &[CheckReport], count: usize) -> String {
    let line = |sign: &str, check: &str, text: &str| {
        format!("{sign} {check:WIDTH$}  {}\n", in_one_line(text))
    };
    let mut text = String::new();
    for CheckReport { check, diagnosis } in reports {
        match diagnosis {
            Diagnosis::Healthy(words) => text += &line("✓", check, words),
            Diagnosis::Unchecked(reason) => text += &line("-", check, reason),
            Diagnosis::Faulty(findings) => {
                for Finding { what, why, fix } in findings {
                    text += &line("✗", check, what);
                    text += &line(" ", "", &format!("Why: {why}"));
                    text += &line(" ", "", &format!("Fix: {fix}"));
                }
            }
        }
    }
    text + &match count {
        0 => "\nNothing is wrong.\n".to_owned(),
        1 => "\n1 finding.\n".to_owned(),
        _ => format!("\n{count} findings.\n"),
    }
}

fn public_url(text: &str) -> Result<PublicUrl, &'static str> {
    PublicUrl::parse(text).map_err(|_| "expected an address like https://hooks.example.com")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reports() -> [CheckReport; 3] {
        let finding = Finding {
            what: "the token of me\u{1b} may only read".to_owned(),
            why: "it must write".to_owned(),
            fix: "hf auth login".to_owned(),
        };
        [
            CheckReport { check: "settings", diagnosis: Diagnosis::Healthy("valid".to_owned()) },
            CheckReport { check: "token", diagnosis: Diagnosis::Faulty(vec![finding]) },
            CheckReport { check: "space", diagnosis: Diagnosis::Unchecked("none") },
        ]
    }

    #[test]
    fn a_check_has_a_line_and_a_finding_three() {
        let (all, healthy) = (reports(), &reports()[..1]);
        assert_eq!(
            as_text(&all, count(&all)),
            "✓ settings    valid\n\
             ✗ token       the token of me\\u{1b} may only read\n\
             \u{20}             Why: it must write\n\
             \u{20}             Fix: hf auth login\n\
             - space       none\n\
             \n\
             1 finding.\n"
        );
        assert_eq!(as_text(healthy, 0), "✓ settings    valid\n\nNothing is wrong.\n");
    }

    #[test]
    fn json_has_the_same() {
        let all = reports();
        let json: Value = serde_json::from_str(&as_json(&all, count(&all)).unwrap()).unwrap();
        assert_eq!(json["findings"], 1);
        let settings =
            json!({ "check": "settings", "result": "healthy", "note": "valid", "findings": [] });
        assert_eq!(json["checks"][0], settings);
        assert_eq!(json["checks"][1]["result"], "faulty");
        assert_eq!(json["checks"][1]["findings"][0]["fix"], "hf auth login");
        assert_eq!(json["checks"][2]["note"], "none");
    }
}

//! Defines what a check finds.

/// Something that is wrong, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) what: String,
    /// What follows from it, or where it comes from.
    pub(crate) why: String,
    /// The command that corrects it, or what to do.
    pub(crate) fix: String,
}

impl Finding {
    pub(super) fn new(
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { what: joined(&what.into()), why: joined(&why.into()), fix: fix.into() }
    }
}

/// Joins the lines of a text: some errors have several.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a check has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Diagnosis {
    /// Nothing is wrong, with a few words about what was seen.
    Healthy(String),
    /// It could not be checked, or need not be, for this reason.
    Unchecked(&'static str),
    /// Not empty.
    Faulty(Vec<Finding>),
}

impl Diagnosis {
    /// Returns the diagnosis of these findings. Without one, it is healthy, with these words.
    pub(super) fn of(findings: Vec<Finding>, words: impl Into<String>) -> Self {
        if findings.is_empty() { Self::Healthy(words.into()) } else { Self::Faulty(findings) }
    }
}

impl From<Finding> for Diagnosis {
    fn from(finding: Finding) -> Self {
        Self::Faulty(vec![finding])
    }
}

/// A check and its diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckReport {
    /// What was checked: `token`.
    pub(crate) check: &'static str,
    pub(crate) diagnosis: Diagnosis,
}

/// The diagnosis of what needs a public URL that is not known.
pub(super) const NO_URL: Diagnosis = Diagnosis::Unchecked("the public URL is not known");

//! A table in Markdown, as the guide quotes it (`docs/en/performance.md`).

use std::fmt;

pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        let head: Vec<_> = head.iter().map(|&name| name.to_owned()).collect();
        let rule = head.iter().enumerate().map(|(i, _)| if i == 0 { "---" } else { "---:" });
        let rule = rule.map(str::to_owned).collect();
        Self { rows: vec![head, rule] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

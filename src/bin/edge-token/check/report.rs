//! What `check` found: a table for people, an object for programs.

use std::io::{IsTerminal as _, Write as _};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What a check says: what was seen if all is well, else an objection.
pub(super) type Verdict = Result<String, Objection>;

/// Why a check does not pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Objection {
    /// Allowed, but probably not what is wanted.
    Warn(String),
    /// Against the section that the check names.
    Fail(String),
    /// It could not be made.
    Skip(String),
}

pub(super) fn fail<T>(detail: impl Into<String>) -> Result<T, Objection> {
    Err(Objection::Fail(detail.into()))
}

pub(super) fn warn<T>(detail: impl Into<String>) -> Result<T, Objection> {
    Err(Objection::Warn(detail.into()))
}

pub(super) fn skip<T>(detail: impl Into<String>) -> Result<T, Objection> {
    Err(Objection::Skip(detail.into()))
}

/// One check: its name, the section that it holds the deployment to, and how evidence is judged.
pub(super) type Row<E> = (&'static str, &'static str, fn(&E) -> Verdict);

/// All checks that were made or skipped.
pub(super) struct Report {
    checks: Vec<Check>,
    /// What must not be printed, whatever the deployment answers.
    secret: Option<Zeroizing<String>>,
}

#[derive(Serialize)]
struct Check {
    name: String,
    result: Outcome,
    detail: String,
    source: &'static str,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Outcome {
    Pass,
    Warn,
    Fail,
    Skip,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }

    /// The parameter of the terminal's sequence for its colour.
    fn colour(self) -> u8 {
        match self {
            Self::Pass => 32,
            Self::Warn => 33,
            Self::Fail => 31,
            Self::Skip => 90,
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Report {
    pub(super) fn new(secret: Option<Zeroizing<String>>) -> Self {
        Self {
            checks: Vec::new(),
            secret: secret.filter(|secret| !secret.is_empty()),
        }
    }

    /// Adds one check.
    pub(super) fn add(&mut self, name: impl Into<String>, source: &'static str, verdict: Verdict) {
        let (result, detail) = match verdict {
            Ok(detail) => (Outcome::Pass, detail),
            Err(Objection::Warn(detail)) => (Outcome::Warn, detail),
            Err(Objection::Fail(detail)) => (Outcome::Fail, detail),
            Err(Objection::Skip(detail)) => (Outcome::Skip, detail),
        };
        self.checks.push(Check {
            name: name.into(),
            result,
            detail: self.printable(&detail),
            source,
        });
    }

    /// Judges the evidence of a subject row by row; without it, each row has the same objection.
    pub(super) fn judge<E>(
        &mut self,
        subject: &str,
        rows: &[Row<E>],
        evidence: Result<&E, &Objection>,
    ) {
        for (name, source, judge) in rows {
            let verdict = evidence.map_err(Clone::clone).and_then(judge);
            self.add(format!("{subject}: {name}"), source, verdict);
        }
    }

    /// Takes from a text what a deployment could use against who reads it: control characters,
    /// length, and the secret that it was told.
    fn printable(&self, detail: &str) -> String {
        const MAX: usize = 300;
        let redacted = match &self.secret {
            Some(secret) => detail.replace(secret.as_str(), "[secret]"),
            None => detail.to_owned(),
        };
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        redacted.chars().take(MAX).map(clean).collect()
    }

    fn count(&self, outcome: Outcome) -> usize {
        let found = self.checks.iter().filter(|check| check.result == outcome);
        found.count()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.count(Outcome::Fail) > 0
    }

    /// The whole as an object.
    pub(super) fn to_json(&self, url: &str, issuer: &str) -> Value {
        json!({
            "url": url,
            "issuer": issuer,
            "checks": self.checks,
            "passed": self.count(Outcome::Pass),
            "warned": self.count(Outcome::Warn),
            "failed": self.count(Outcome::Fail),
            "skipped": self.count(Outcome::Skip),
        })
    }

    /// Prints the whole as a table on standard error, coloured on a terminal.
    pub(super) fn print(&self, requests: usize) {
        let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let text = format!(
            "{}\n{} passed, {} warned, {} failed, {} skipped; {requests} requests.\n",
            self.table(is_coloured),
            self.count(Outcome::Pass),
            self.count(Outcome::Warn),
            self.count(Outcome::Fail),
            self.count(Outcome::Skip),
        );
        // Who closed standard error does not want to read it.
        _ = std::io::stderr().write_all(text.as_bytes());
    }

    fn table(&self, is_coloured: bool) -> String {
        /// A table's width, and the least that is left for what was seen.
        const WIDTH: usize = 100;
        const LEAST: usize = 24;
        let widest = |of: fn(&Check) -> usize| self.checks.iter().map(of).max().unwrap_or(0);
        let name_width = widest(|check| check.name.chars().count());
        let source_width = widest(|check| check.source.chars().count());
        let others = name_width.saturating_add(source_width).saturating_add(10);
        let width = WIDTH.saturating_sub(others).max(LEAST);
        let mut table = String::new();
        for check in &self.checks {
            let word = match is_coloured {
                true => format!(
                    "\x1b[{}m{}\x1b[0m",
                    check.result.colour(),
                    check.result.word()
                ),
                false => check.result.word().to_owned(),
            };
            let mut lines = wrapped(&check.detail, width).into_iter();
            let (name, source) = (&check.name, check.source);
            let first = lines.next().unwrap_or_default();
            table += &format!("{word}  {name:name_width$}  {first:width$}  {source}\n");
            for line in lines {
                table += &format!("      {:name_width$}  {line}\n", "");
            }
        }
        table
    }
}

/// Breaks a text into lines of at most `width` characters, between words where that is possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0_usize;
    for word in text.split_whitespace() {
        let characters = word.chars().collect::<Vec<_>>();
        for piece in characters.chunks(width.max(1)) {
            let with_space = used.saturating_add(1).saturating_add(piece.len());
            if used > 0 && with_space <= width {
                push(&mut lines, " ");
                used = with_space;
            } else {
                if used > 0 {
                    lines.push(String::new());
                }
                used = piece.len();
            }
            push(&mut lines, &piece.iter().collect::<String>());
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_deployment_says_cannot_harm_who_reads_it() {
        let mut report = Report::new(Some(Zeroizing::new("s3cret".into())));
        report.add("a", "b", fail("\x1b[2J s3cret\n".repeat(100)));
        let json = report.to_json("", "").to_string();
        assert!(!json.contains("s3cret") && !json.contains("\\u001b") && json.len() < 500);
        assert!(report.has_failed());
    }

    #[test]
    fn lines_are_no_wider_than_the_table() {
        for (text, width, lines) in [
            ("", 4, vec![""]),
            ("ab cd ef", 5, vec!["ab cd", "ef"]),
            ("abcdefg h", 3, vec!["abc", "def", "g h"]),
            ("äöü äöü", 3, vec!["äöü", "äöü"]),
        ] {
            assert_eq!(wrapped(text, width), lines, "{text}");
        }
        let mut report = Report::new(None);
        report.add("name", "RFC 1", Ok("word ".repeat(40)));
        let table = report.table(false);
        assert!(table.lines().count() > 1);
        assert!(
            table.lines().all(|line| line.chars().count() <= 100),
            "{table}"
        );
    }
}
